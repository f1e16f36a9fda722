import { ConfigError, readVariables, type ValuesOf, variablesHelp } from '@landbridge/service'
import { VARIABLES } from './config-variables.ts'

/** Everything an operator is told from outside. Read once. */
export type Config = Readonly<ValuesOf<typeof VARIABLES>>

/**
 * Reads the configuration from environment variables.
 * @throws ConfigError that lists every problem and what to do about it.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const { values, problems } = readVariables(VARIABLES, env)
  if (values?.tenant !== undefined && values.watchNamespace === undefined) {
    problems.push('LANDBRIDGE_TENANT: is set without LANDBRIDGE_WATCH_NAMESPACE, wanted both or neither')
  }
  if (values === undefined || problems.length > 0) throw new ConfigError(problems)
  return Object.freeze(values)
}

/** The text of `--help`: every variable with its meaning and default. */
export function configHelp(): string {
  return variablesHelp(
    [
      'Usage: node operator/main.ts [--help]',
      '',
      'Turns Topic, AccessPolicy and RegionPeer resources into streams and configuration of one region.',
      'It is configured by environment variables only:',
    ],
    VARIABLES,
    ['Further standard variables: OTEL_SERVICE_NAME.'],
  )
}
