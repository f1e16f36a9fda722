import { type DescFile, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import type { Server } from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import { AdminService, EventService, ReplicationService } from '@landbridge/proto'

type PackageDefinition = ConstructorParameters<typeof ReflectionService>[0]

const SERVICES = [EventService, AdminService, ReplicationService]

/**
 * Offers gRPC reflection of our services, so that grpcurl and the like need no files. The descriptors are those that
 * the generated code carries: what is served and what is shown cannot differ.
 */
export function addReflection(server: Server): void {
  const files = new Set<DescFile>()
  for (const service of SERVICES) collect(service.file, files)
  const fileDescriptorProtos = [...files].map((file) => Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)))
  const definition: PackageDefinition = {
    'landbridge.v1': { format: 'Protocol Buffer 3 DescriptorProto', type: {}, fileDescriptorProtos },
  }
  new ReflectionService(definition, { services: SERVICES.map((service) => service.typeName) }).addToServer(server)
}

function collect(file: DescFile, files: Set<DescFile>): void {
  if (files.has(file)) return
  files.add(file)
  for (const dependency of file.dependencies) collect(dependency, files)
}
