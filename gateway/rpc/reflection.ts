import { type DescFile, fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import type { Server } from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import { AdminService, EventService, ReplicationService } from '@landbridge/proto'
import { service as health } from 'grpc-health-check'

type PackageDefinition = ConstructorParameters<typeof ReflectionService>[0]

const HEALTH = 'grpc.health.v1.Health'
const SERVICES = [EventService, AdminService, ReplicationService]

/**
 * Offers gRPC reflection of our services and the health service, so that grpcurl and the like need no files. The
 * descriptors are those that the generated code carries: what is served and what is shown cannot differ.
 */
export function addReflection(server: Server): void {
  const files = new Set<DescFile>()
  for (const service of SERVICES) collect(service.file, files)
  const own = [...files].map((file) => Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)))
  const fileDescriptorProtos = [...own, ...healthFiles()]
  const definition: PackageDefinition = {
    'landbridge.v1': { format: 'Protocol Buffer 3 DescriptorProto', type: {}, fileDescriptorProtos },
  }
  const services = [...SERVICES.map((service) => service.typeName), HEALTH]
  new ReflectionService(definition, { services }).addToServer(server)
}

/** The loader of the health service calls map entries "Statuses" where Protobuf wants "StatusesEntry". */
function healthFiles(): Buffer[] {
  return (health.Check?.requestType.fileDescriptorProtos ?? []).map((bytes) => {
    const file = fromBinary(FileDescriptorProtoSchema, bytes)
    for (const message of file.messageType) {
      for (const entry of message.nestedType) {
        if (entry.options?.mapEntry !== true || entry.name.endsWith('Entry')) continue
        for (const field of message.field) if (field.typeName === entry.name) field.typeName = `${entry.name}Entry`
        entry.name += 'Entry'
      }
    }
    return Buffer.from(toBinary(FileDescriptorProtoSchema, file))
  })
}

function collect(file: DescFile, files: Set<DescFile>): void {
  if (files.has(file)) return
  files.add(file)
  for (const dependency of file.dependencies) collect(dependency, files)
}
