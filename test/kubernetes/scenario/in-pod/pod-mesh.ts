import { connect, type Mesh } from '@landbridge/client'

/** The mesh by the pod's environment, as the command line finds it. @param regions how many of the endpoints to use */
export function podMesh(regions: number, source?: string): Mesh {
  const { LANDBRIDGE_ENDPOINTS = '', LANDBRIDGE_CA, LANDBRIDGE_CERT, LANDBRIDGE_KEY } = process.env
  return connect({
    endpoints: LANDBRIDGE_ENDPOINTS.split(',').slice(0, regions),
    tls: { ca: LANDBRIDGE_CA, cert: LANDBRIDGE_CERT, key: LANDBRIDGE_KEY },
    source,
  })
}
