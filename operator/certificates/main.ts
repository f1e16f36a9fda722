import { createAuthority, issueCertificate } from '@landbridge/client/certs'
import { createLog, type Log, line, list, readVariables, required } from '@landbridge/service'
import { KubeClient, KubeError, type KubeObject, type ResourceType } from '../k8s/index.ts'
import { planCertificates } from './plan.ts'

const VARIABLES = {
  mesh: required('LANDBRIDGE_MESH', 'trust domain of the mesh', line),
  region: required('LANDBRIDGE_REGION', 'name of this region', line),
  namespace: required('LANDBRIDGE_NAMESPACE', 'namespace of the Secrets', line),
  authority: required('LANDBRIDGE_CA_SECRET', 'Secret with the CA of the mesh; made when it is missing', line),
  certificate: required('LANDBRIDGE_TLS_SECRET', "Secret for the gateways' certificate", line),
  dns: required('LANDBRIDGE_DNS_NAMES', 'DNS names of the gateways, separated by commas', list),
}

const SECRETS: ResourceType = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true }
const DAY_MS = 86_400_000
const AUTHORITY_MS = 3_650 * DAY_MS
const CERTIFICATE_MS = 365 * DAY_MS

type Secret = KubeObject & { readonly data?: Readonly<Record<string, string>> }

/** Makes the CA of a mesh that is tried out, and the certificate of one region's gateways; what is good stays. */
async function main(log: Log): Promise<number> {
  const { values, problems } = readVariables(VARIABLES, process.env)
  if (values === undefined) {
    log.error({ problems }, 'the environment is not complete')
    return 2
  }
  const client = KubeClient.fromEnvironment(process.env.KUBECONFIG)
  const { namespace, mesh, region } = values
  const uri = `spiffe://${mesh}/region/${region}`
  const ca = await client.get<Secret>(SECRETS, { namespace, name: values.authority })
  const current = await client.get<Secret>(SECRETS, { namespace, name: values.certificate })
  const wanted = { uri, dns: values.dns }
  const plan = planCertificates(textOf(ca, 'tls.crt'), textOf(current, 'tls.crt'), wanted, Date.now())
  let authority = { cert: textOf(ca, 'tls.crt') ?? '', key: textOf(ca, 'tls.key') ?? '' }
  if (plan.makeAuthority) {
    authority = await createAuthority(`${mesh} (made for trying out)`, AUTHORITY_MS, Date.now())
    await store(client, namespace, values.authority, ca, { 'tls.crt': authority.cert, 'tls.key': authority.key })
    log.info({ secret: values.authority }, 'made a CA')
  }
  if (plan.issueBecause === undefined) {
    log.info({ secret: values.certificate }, 'the certificate is good')
    return 0
  }
  const files = { ...authority, certName: values.authority, keyName: values.authority }
  const request = {
    name: region,
    dns: values.dns,
    ips: [],
    uris: [uri],
    use: 'both',
    validForMs: CERTIFICATE_MS,
  } as const
  const { cert, key } = await issueCertificate(files, request, Date.now())
  const data = { 'tls.crt': cert, 'tls.key': key, 'ca.crt': authority.cert }
  await store(client, namespace, values.certificate, current, data)
  log.info({ secret: values.certificate, because: plan.issueBecause }, 'issued a certificate')
  return 0
}

/** Creates the Secret, or replaces the one that was seen: two at a time do not mix their halves. @throws KubeError */
async function store(
  client: KubeClient,
  namespace: string,
  name: string,
  before: Secret | undefined,
  texts: Readonly<Record<string, string>>,
): Promise<void> {
  const data = Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  )
  const body = { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata: { name, namespace }, data }
  if (before === undefined) {
    await client.create(SECRETS, namespace, body)
    return
  }
  const metadata = { ...body.metadata, resourceVersion: before.metadata.resourceVersion }
  await client.replace(SECRETS, { namespace, name }, { ...body, metadata })
}

function textOf(secret: Secret | undefined, key: string): string | undefined {
  const value = secret?.data?.[key]
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString()
}

const log = createLog('info', {})
try {
  process.exitCode = await main(log)
} catch (err) {
  log.error({ err }, err instanceof KubeError ? 'the Secrets could not be written' : 'making certificates failed')
  process.exitCode = 1
}
