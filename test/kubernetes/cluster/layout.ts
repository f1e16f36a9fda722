/** Where things are inside the namespaces of the cluster. All below `root` is in memory and goes with it. */
export const LAYOUT = {
  root: '/run/landbridge',
  bin: '/run/landbridge/bin',
  pki: '/run/landbridge/pki',
  cni: '/run/landbridge/cni',
  containerd: '/run/landbridge/containerd',
  containerdSocket: '/run/landbridge/containerd.sock',
  etcd: '/run/landbridge/etcd',
  kubelet: '/run/landbridge/kubelet',
  volumes: '/run/landbridge/volumes',
  kubeconfig: '/run/landbridge/pki/admin.kubeconfig',
} as const

/** Addresses: nobody outside of the namespaces sees them. */
export const NETWORK = {
  node: '10.250.0.10',
  nodePrefix: 24,
  pods: '10.244.0.0/16',
  services: '10.96.0.0/16',
  /** The first address of `services`: the API server's own Service. */
  apiService: '10.96.0.1',
  apiPort: 6443,
  etcd: 'http://127.0.0.1:2379',
  etcdPeer: 'http://127.0.0.1:2380',
  domain: 'cluster.local',
} as const

export const NODE_NAME = 'node1'

/** The container that holds a pod's namespaces. */
export const PAUSE_IMAGE = 'pause:1.0.0'
