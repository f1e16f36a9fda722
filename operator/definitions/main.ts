import { createLog, type Log, line, readVariables, required } from '@landbridge/service'
import { crdOf, RESOURCES } from '../api/index.ts'
import { KubeClient, type KubeObject, type ResourceType } from '../k8s/index.ts'
import { definitionStep, VERSION_ANNOTATION } from './plan.ts'

const VARIABLES = { version: required('LANDBRIDGE_VERSION', 'version of the release that is being installed', line) }

const DEFINITIONS: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}
const FIELD_MANAGER = 'landbridge-definitions'

/** Brings the resource definitions of the cluster up to this version: Helm installs them, and never looks again. */
async function main(log: Log): Promise<number> {
  const { values, problems } = readVariables(VARIABLES, process.env)
  if (values === undefined) {
    log.error({ problems }, 'the environment is not complete')
    return 2
  }
  const client = KubeClient.fromEnvironment(process.env.KUBECONFIG)
  for (const resource of RESOURCES) {
    const definition = crdOf(resource) as KubeObject
    const key = { namespace: '', name: definition.metadata.name }
    const found = await client.get(DEFINITIONS, key)
    const step = definitionStep(found?.metadata, values.version)
    if (step === 'apply') {
      await client.apply(DEFINITIONS, key, versioned(definition, values.version), { fieldManager: FIELD_MANAGER })
    }
    log.info({ definition: key.name, version: values.version }, TOLD[step])
  }
  return 0
}

const TOLD = {
  apply: 'the resource definition is of this version',
  newer: 'the resource definition stays: it is of a newer version',
  absent: 'there is no such resource definition: kubectl apply --server-side -f charts/landbridge/crds makes it',
} as const

function versioned(definition: KubeObject, version: string): object {
  const { metadata } = definition
  return {
    ...definition,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [VERSION_ANNOTATION]: version } },
  }
}

const log = createLog('info', {})
try {
  process.exitCode = await main(log)
} catch (err) {
  log.error({ err }, 'bringing the resource definitions up to date failed')
  process.exitCode = 1
}
