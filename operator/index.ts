/** The operator of a region. */
export { crdOf, RESOURCES } from './api/index.ts'
export { type Config, loadConfig } from './config.ts'
export { KubeClient, KubeError } from './k8s/index.ts'
export { type Operator, type OperatorOptions, startOperator } from './operator.ts'
