/** A Go module that carries definitions of Kubernetes resources: the module proxy is where they can be had pinned. */
export type SchemaSource = {
  readonly module: string
  /** With "v". */
  readonly version: string
  /** The module's checksum, as in go.sum: what is downloaded is exactly this. */
  readonly sum: string
  /** Files below the module's root: a swagger.json, or CustomResourceDefinitions. */
  readonly files: readonly string[]
}

/** What the chart renders: the built-in kinds, and those of others that it has options for. */
export const SOURCES: readonly SchemaSource[] = [
  {
    module: 'k8s.io/kubernetes',
    version: 'v1.36.3',
    sum: 'h1:qDQdoMiluAE2Eab6Fa52YV+WjiGz9mZFFoagEA6cI+o=',
    files: ['api/openapi-spec/swagger.json'],
  },
  {
    module: 'github.com/prometheus-operator/prometheus-operator',
    version: 'v0.85.0',
    sum: 'h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=',
    files: ['podmonitors', 'servicemonitors', 'prometheusrules'].map(
      (name) => `example/prometheus-operator-crd/monitoring.coreos.com_${name}.yaml`,
    ),
  },
  {
    module: 'github.com/cert-manager/cert-manager',
    version: 'v1.21.2',
    sum: 'h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68=',
    files: ['certificates', 'issuers'].map((name) => `deploy/crds/cert-manager.io_${name}.yaml`),
  },
  {
    module: 'sigs.k8s.io/gateway-api',
    version: 'v1.6.3',
    sum: 'h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc=',
    files: ['grpcroutes', 'tlsroutes', 'backendtlspolicies'].map(
      (name) => `config/crd/standard/gateway.networking.k8s.io_${name}.yaml`,
    ),
  },
]
