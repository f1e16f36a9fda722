import { LAYOUT, NETWORK, PAUSE_IMAGE } from './layout.ts'

/** Configuration files of the node, by path. */
export function nodeFiles(): Readonly<Record<string, string>> {
  return {
    [`${LAYOUT.root}/containerd.toml`]: containerdToml(),
    [`${LAYOUT.cni}/net.d/10-bridge.conflist`]: JSON.stringify(bridge()),
    [`${LAYOUT.root}/kubelet.json`]: JSON.stringify(kubelet()),
    [`${LAYOUT.root}/Corefile`]: corefile(),
    // Nothing is asked outside of the cluster.
    [`${LAYOUT.root}/resolv.conf`]: `nameserver ${NETWORK.node}\n`,
  }
}

function containerdToml(): string {
  return `version = 3
root = "${LAYOUT.containerd}/root"
state = "${LAYOUT.containerd}/state"
disabled_plugins = ["io.containerd.nri.v1.nri"]
[grpc]
  address = "${LAYOUT.containerdSocket}"
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "docker.io/library/${PAUSE_IMAGE}"
[plugins.'io.containerd.cri.v1.runtime']
  disable_apparmor = true
  # Not everyone who is root may lower a process's score.
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.containerd]
    default_runtime_name = "runc"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
        SystemdCgroup = false
        BinaryName = "${LAYOUT.bin}/runc"
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["${LAYOUT.cni}/bin"]
    conf_dir = "${LAYOUT.cni}/net.d"
`
}

/** A bridge for the pods of one node. It does not enforce NetworkPolicy. */
function bridge(): object {
  const ranges = [[{ subnet: NETWORK.pods.replace('/16', '/24') }]]
  return {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        ipMasq: false,
        hairpinMode: true,
        ipam: { type: 'host-local', dataDir: `${LAYOUT.cni}/data`, ranges, routes: [{ dst: '0.0.0.0/0' }] },
      },
    ],
  }
}

function kubelet(): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: NETWORK.node,
    readOnlyPort: 0,
    healthzBindAddress: '127.0.0.1',
    // Whoever has a certificate of the cluster's CA is the API server.
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: false },
      x509: { clientCAFile: `${LAYOUT.pki}/ca.crt` },
    },
    authorization: { mode: 'AlwaysAllow' },
    tlsCertFile: `${LAYOUT.pki}/kubelet.crt`,
    tlsPrivateKeyFile: `${LAYOUT.pki}/kubelet.key`,
    cgroupDriver: 'cgroupfs',
    failCgroupV1: false,
    failSwapOn: false,
    containerRuntimeEndpoint: `unix://${LAYOUT.containerdSocket}`,
    // Images come from files: what is thrown away cannot be pulled again.
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    clusterDNS: [NETWORK.node],
    clusterDomain: NETWORK.domain,
    resolvConf: `${LAYOUT.root}/resolv.conf`,
    volumePluginDir: `${LAYOUT.kubelet}/plugins`,
    podLogsDir: `${LAYOUT.kubelet}/logs`,
  }
}

function corefile(): string {
  return `.:53 {
  bind ${NETWORK.node}
  errors
  kubernetes ${NETWORK.domain} in-addr.arpa {
    kubeconfig ${LAYOUT.kubeconfig}
    pods verified
    ttl 1
  }
  cache 1
}
`
}
