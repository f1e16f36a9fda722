/** A real Kubernetes API on this machine, without anything that would run pods. */
export { makeNamespace, startCluster, type TestCluster } from './cluster.ts'
export { until } from './until.ts'
