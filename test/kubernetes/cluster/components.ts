import { LAYOUT, NETWORK, NODE_NAME } from './layout.ts'

/** A process of the cluster. */
export type Component = {
  /** Also the name of its log. */
  readonly name: string
  readonly args: readonly string[]
}

const { pki } = LAYOUT

/** The container runtime, before anything else: images are loaded while the rest starts. */
export const CONTAINERD: Component = { name: 'containerd', args: ['-c', `${LAYOUT.root}/containerd.toml`] }

export const ETCD: Component = {
  name: 'etcd',
  args: [
    `--data-dir=${LAYOUT.etcd}`,
    `--listen-client-urls=${NETWORK.etcd}`,
    `--advertise-client-urls=${NETWORK.etcd}`,
    `--listen-peer-urls=${NETWORK.etcdPeer}`,
    `--initial-advertise-peer-urls=${NETWORK.etcdPeer}`,
    `--initial-cluster=default=${NETWORK.etcdPeer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ],
}

export const API_SERVER: Component = {
  name: 'kube-apiserver',
  args: [
    `--etcd-servers=${NETWORK.etcd}`,
    `--bind-address=${NETWORK.node}`,
    `--advertise-address=${NETWORK.node}`,
    `--secure-port=${NETWORK.apiPort}`,
    ...keyPair('--tls-cert-file', '--tls-private-key-file', 'kube-apiserver'),
    `--client-ca-file=${pki}/ca.crt`,
    `--token-auth-file=${pki}/tokens.csv`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${pki}/sa.pub`,
    `--service-account-signing-key-file=${pki}/sa.key`,
    `--service-cluster-ip-range=${NETWORK.services}`,
    '--authorization-mode=Node,RBAC',
    // Pods' names are unknown to the machine: the kubelet is called by its address.
    '--kubelet-preferred-address-types=InternalIP',
    ...keyPair('--kubelet-client-certificate', '--kubelet-client-key', 'apiserver-kubelet-client'),
    `--kubelet-certificate-authority=${pki}/ca.crt`,
  ],
}

/** What needs the API server. */
export const NODE_COMPONENTS: readonly Component[] = [
  {
    name: 'kube-controller-manager',
    args: [
      ...as('kube-controller-manager'),
      '--bind-address=127.0.0.1',
      `--service-account-private-key-file=${pki}/sa.key`,
      `--root-ca-file=${pki}/ca.crt`,
      '--use-service-account-credentials=true',
      '--leader-elect=false',
    ],
  },
  { name: 'kube-scheduler', args: [...as('kube-scheduler'), '--bind-address=127.0.0.1', '--leader-elect=false'] },
  {
    name: 'kubelet',
    args: [
      `--config=${LAYOUT.root}/kubelet.json`,
      `--kubeconfig=${pki}/kubelet.kubeconfig`,
      `--hostname-override=${NODE_NAME}`,
      `--node-ip=${NETWORK.node}`,
      `--root-dir=${LAYOUT.kubelet}`,
      `--cert-dir=${LAYOUT.kubelet}/pki`,
      '--node-labels=topology.kubernetes.io/zone=zone-1',
    ],
  },
  {
    name: 'kube-proxy',
    args: [
      `--kubeconfig=${pki}/kube-proxy.kubeconfig`,
      '--proxy-mode=nftables',
      `--cluster-cidr=${NETWORK.pods}`,
      `--hostname-override=${NODE_NAME}`,
      // Their limits are the machine's, not the namespace's.
      '--conntrack-max-per-core=0',
      '--healthz-bind-address=127.0.0.1:10256',
      '--metrics-bind-address=127.0.0.1:10249',
    ],
  },
  { name: 'coredns', args: ['-conf', `${LAYOUT.root}/Corefile`] },
]

function keyPair(cert: string, key: string, name: string): readonly string[] {
  return [`${cert}=${pki}/${name}.crt`, `${key}=${pki}/${name}.key`]
}

function as(user: string): readonly string[] {
  const file = `${pki}/${user}.kubeconfig`
  return [`--kubeconfig=${file}`, `--authentication-kubeconfig=${file}`, `--authorization-kubeconfig=${file}`]
}
