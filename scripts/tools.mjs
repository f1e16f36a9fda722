// Every native tool, at the one version that this repository works with.
const KUBERNETES = '1.36.3'
const CONTAINERD = '2.4.2'
const CNI = '1.9.1'

/**
 * How a tool is built and recognised.
 * @typedef {object} Tool
 * @property {string} version the pinned version, without "v"
 * @property {string} module the Go package that is built: with its version, or, of a tool with a folder, without
 * @property {string} [folder] a folder below scripts/go with the go.mod and go.sum that pin the tool: for modules that `go install` refuses
 * @property {string} [tags] build tags
 * @property {string} [extldflags] flags for the C linker: the tool is built with cgo
 * @property {string} [library] name that pkg-config has for a C library that the build needs
 * @property {readonly string[]} [debian] packages with that library, for machines of Debian's family that lack it
 * @property {string} go lowest Go version that its go.mod accepts
 * @property {readonly string[]} versionArguments what makes it print its version
 * @property {string} [ldflags] extra linker flags, for tools that learn their version only there
 * @property {string} [binary] the name that `go install` gives the program (default: the tool's name)
 */

/**
 * Every native tool, at the one version that this repository works with.
 * @type {Readonly<Record<string, Tool>>}
 */
export const tools = {
  'nats-server': {
    version: '2.15.2',
    module: 'github.com/nats-io/nats-server/v2@v2.15.2',
    go: '1.26',
    versionArguments: ['--version'],
  },
  grpcurl: {
    version: '1.9.4',
    module: 'github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4',
    go: '1.25',
    versionArguments: ['-version'],
    ldflags: '-X main.version=v1.9.4',
  },
  'toxiproxy-server': {
    version: '2.12.0',
    module: 'github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0',
    go: '1.23',
    versionArguments: ['--version'],
    ldflags: '-X github.com/Shopify/toxiproxy/v2.Version=2.12.0',
    binary: 'server',
  },
  k6: {
    version: '1.8.1',
    module: 'go.k6.io/k6@v1.8.1',
    go: '1.25',
    versionArguments: ['version'],
  },
  helm: {
    version: '4.3.1',
    module: 'helm.sh/helm/v4/cmd/helm@v4.3.1',
    go: '1.26',
    versionArguments: ['version', '--short'],
    ldflags: '-X helm.sh/helm/v4/internal/version.version=v4.3.1',
  },
  kubeconform: {
    version: '0.8.0',
    module: 'github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0',
    go: '1.25',
    versionArguments: ['-v'],
    ldflags: '-X main.version=v0.8.0',
  },
  // Prometheus 3.15.0 is module version 0.315.0.
  promtool: {
    version: '3.15.0',
    module: 'github.com/prometheus/prometheus/cmd/promtool',
    folder: 'prometheus',
    go: '1.26',
    versionArguments: ['--version'],
    ldflags: '-X github.com/prometheus/common/version.Version=3.15.0',
  },
  etcd: {
    version: '3.7.3',
    module: 'go.etcd.io/etcd/server/v3',
    folder: 'etcd',
    go: '1.26',
    versionArguments: ['--version'],
  },
  ...Object.fromEntries(
    ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy', 'kubelet', 'kubectl'].map((name) => [
      name,
      {
        version: KUBERNETES,
        module: `k8s.io/kubernetes/cmd/${name}`,
        folder: 'kubernetes',
        go: '1.26',
        versionArguments: name === 'kubectl' ? ['version', '--client'] : ['--version'],
        ldflags: kubernetesFlags(),
      },
    ]),
  ),
  ...Object.fromEntries(
    ['containerd', 'containerd-shim-runc-v2', 'ctr'].map((name) => [
      name,
      {
        version: CONTAINERD,
        module: `github.com/containerd/containerd/v2/cmd/${name}`,
        folder: 'containerd',
        tags: 'no_btrfs,no_devmapper,no_zfs',
        go: '1.26.6',
        versionArguments: [name === 'containerd-shim-runc-v2' ? '-v' : '--version'],
        ldflags: `-X github.com/containerd/containerd/v2/version.Version=${CONTAINERD}`,
      },
    ]),
  ),
  runc: {
    version: '1.5.2',
    module: 'github.com/opencontainers/runc',
    folder: 'runc',
    // Pods always ask for seccomp.
    tags: 'seccomp,netgo,osusergo',
    extldflags: '-static',
    library: 'libseccomp',
    debian: ['libseccomp-dev'],
    go: '1.26',
    versionArguments: ['--version'],
    ldflags: '-X main.version=1.5.2',
  },
  pause: {
    version: '1.0.0',
    module: '.',
    folder: 'pause',
    go: '1.24',
    versionArguments: ['--version'],
    ldflags: '-X main.version=1.0.0',
  },
  'argocd-health': {
    version: '1.0.0',
    module: '.',
    folder: 'argocd-health',
    go: '1.24',
    versionArguments: ['--version'],
    ldflags: '-X main.version=1.0.0',
  },
  coredns: {
    version: '1.15.0',
    module: 'github.com/coredns/coredns@v1.15.0',
    go: '1.26',
    versionArguments: ['-version'],
  },
  ...Object.fromEntries(
    [
      ['bridge', 'main'],
      ['loopback', 'main'],
      ['host-local', 'ipam'],
    ].map(([name, kind]) => [
      `cni-${name}`,
      {
        version: CNI,
        module: `github.com/containernetworking/plugins/plugins/${kind}/${name}@v${CNI}`,
        go: '1.24',
        versionArguments: ['--version'],
        binary: name,
      },
    ]),
  ),
}

/** Without them the commands call themselves v0.0.0, and refuse each other. */
function kubernetesFlags() {
  const [major, minor] = KUBERNETES.split('.')
  return ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version']
    .flatMap((path) => [
      `-X ${path}.gitVersion=v${KUBERNETES}`,
      `-X ${path}.gitMajor=${major}`,
      `-X ${path}.gitMinor=${minor}`,
      `-X ${path}.gitTreeState=clean`,
      `-X ${path}.gitCommit=unknown`,
      `-X ${path}.buildDate=1970-01-01T00:00:00Z`,
    ])
    .join(' ')
}
