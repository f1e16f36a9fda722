import type { ControlServer } from '../control/control-server.ts'
import type { Lab } from '../lab.ts'

/** What a person needs to use a running lab. `topic` is one that was applied; undefined when there is none to show. */
export function welcome(lab: Lab, control: ControlServer, tokenFile: string, topic: string | undefined): string {
  const regions = lab.regions.flatMap((region) => [
    `  ${region.name}`,
    ...region.endpoints.map(
      (endpoint, index) => `    gateway ${index}  ${endpoint} (gRPC, TLS)   ${region.httpEndpoints[index]}/metrics`,
    ),
    ...region.natsUrls.map((url, index) => `    nats ${index}     ${url}   ${region.natsMonitorUrls[index]}`),
  ])
  const endpoints = lab.regions.flatMap((region) => region.endpoints.map((address) => `${region.name}=${address}`))
  return [
    'The mesh is running.',
    '',
    ...regions,
    '',
    `  authority   ${lab.caFile}`,
    `  tokens      ${lab.issuer.url} (an administrator's, for 12 hours: ${tokenFile})`,
    `  state       ${lab.stateDir}`,
    `  control     ${control.url} (bearer token in ${lab.stateDir}/control.token)`,
    ...(endpoints.length === 0 ? [] : ['', ...commands(lab, control, tokenFile, topic, endpoints)]),
    '',
    'Ctrl-C ends it.',
    '',
  ].join('\n')
}

function commands(
  lab: Lab,
  control: ControlServer,
  tokenFile: string,
  topic: string | undefined,
  endpoints: readonly string[],
): readonly string[] {
  const [region] = lab.regions
  const cut = JSON.stringify({ action: 'kill', region: region?.name, target: 'all' })
  return [
    'Try, in another terminal in this folder:',
    '',
    `  export LANDBRIDGE_ENDPOINTS=${endpoints.join(',')}`,
    `  export LANDBRIDGE_CA=${lab.caFile} LANDBRIDGE_TOKEN_FILE=${tokenFile}`,
    '',
    ...(topic === undefined
      ? ['  npx landbridge peers']
      : [
          `  npx landbridge subscribe ${topic} --from earliest`,
          `  npx landbridge publish ${topic} --type com.example.hello --data '{"hello":"world"}'`,
        ]),
    `  curl -sH "authorization: Bearer $(cat ${lab.stateDir}/control.token)" ${control.url}/v1/faults -d '${cut}'`,
  ]
}
