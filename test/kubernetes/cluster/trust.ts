import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createAuthority, issueCertificate } from '@landbridge/client/certs'
import { NETWORK, NODE_NAME } from './layout.ts'

const VALID_MS = 7 * 86_400_000

/** Who talks to the API server, and as whom. */
const USERS = {
  admin: { user: 'admin', group: 'system:masters' },
  'kube-controller-manager': { user: 'system:kube-controller-manager', group: '' },
  'kube-scheduler': { user: 'system:kube-scheduler', group: '' },
  'kube-proxy': { user: 'system:kube-proxy', group: '' },
  kubelet: { user: `system:node:${NODE_NAME}`, group: 'system:nodes' },
} as const

const SERVERS = {
  'kube-apiserver': {
    dns: ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${NETWORK.domain}`],
    ips: [NETWORK.node, NETWORK.apiService, '127.0.0.1'],
  },
  kubelet: { dns: [NODE_NAME], ips: [NETWORK.node, '127.0.0.1'] },
  'apiserver-kubelet-client': { dns: [], ips: [] },
} as const

/**
 * Writes what the parts of a cluster know each other by: one CA and certificates of the servers (`<name>.crt`, `.key`),
 * the key of service accounts (`sa.key`, `sa.pub`), a token for every user (`tokens.csv`), and `<user>.kubeconfig`.
 */
export async function writeTrust(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const write = (name: string, text: string) => writeFile(join(folder, name), text, { mode: 0o600 })
  const now = Date.now()
  const authority = await createAuthority('kubernetes', VALID_MS, now)
  await write('ca.crt', authority.cert)
  await write('ca.key', authority.key)
  const files = { ...authority, certName: 'ca.crt', keyName: 'ca.key' }
  for (const [name, { dns, ips }] of Object.entries(SERVERS)) {
    const request = { name, dns, ips, uris: [], use: 'both', validForMs: VALID_MS } as const
    const { cert, key } = await issueCertificate(files, request, now)
    await write(`${name}.crt`, cert)
    await write(`${name}.key`, key)
  }
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  await write('sa.pub', publicKey.export({ type: 'spki', format: 'pem' }).toString())
  await write('sa.key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  const tokens: string[] = []
  for (const [name, { user, group }] of Object.entries(USERS)) {
    const token = randomBytes(24).toString('hex')
    tokens.push(`${token},${user},${user}${group === '' ? '' : `,${group}`}`)
    await write(`${name}.kubeconfig`, kubeconfigOf(authority.cert, token))
  }
  await write('tokens.csv', `${tokens.join('\n')}\n`)
}

function kubeconfigOf(ca: string, token: string): string {
  const server = `https://${NETWORK.node}:${NETWORK.apiPort}`
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'e2e', cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: 'e2e', user: { token } }],
    contexts: [{ name: 'e2e', context: { cluster: 'e2e', user: 'e2e' } }],
    'current-context': 'e2e',
  })
}
