import { createRequire } from 'node:module'

type WebhookDefinition = { readonly name: string; readonly examples: readonly object[] }

// The package is one JSON file whose declarations describe a default export that it does not have.
const definitions: readonly WebhookDefinition[] = createRequire(import.meta.url)('@octokit/webhooks-examples')

/** One webhook delivery as the demo publishes it. */
export type WebhookEvent = {
  readonly topic: string
  readonly type: string
  readonly subject: string | undefined
  /** Events of one repository (or organization) keep their order. */
  readonly partitionKey: string
  readonly data: object
}

const topicOfKind: Readonly<Record<string, string>> = {
  push: 'github/code',
  create: 'github/code',
  delete: 'github/code',
  fork: 'github/code',
  pull_request: 'github/code',
  pull_request_review: 'github/code',
  pull_request_review_comment: 'github/code',
  pull_request_review_thread: 'github/code',
  commit_comment: 'github/code',
  issues: 'github/issues',
  issue_comment: 'github/issues',
  label: 'github/issues',
  milestone: 'github/issues',
  discussion: 'github/issues',
  discussion_comment: 'github/issues',
}

/** The topics that the demo uses. */
export const demoTopics: readonly string[] = ['github/code', 'github/issues', 'github/operations']

/**
 * The example payloads of GitHub's webhooks, which their community collected in `@octokit/webhooks-examples`, as
 * events. The CloudEvents type is "com.github.<webhook>[.<action>]".
 */
export function webhookEvents(): readonly WebhookEvent[] {
  return definitions.flatMap(({ name, examples: payloads }) => payloads.map((payload) => eventOf(name, payload)))
}

function eventOf(kind: string, payload: object): WebhookEvent {
  const action = textAt(payload, 'action')
  const repository = textAt(payload, 'repository', 'full_name')
  return {
    topic: topicOfKind[kind] ?? 'github/operations',
    type: `com.github.${kind}${action === undefined ? '' : `.${action}`}`,
    subject: repository,
    partitionKey: repository ?? textAt(payload, 'organization', 'login') ?? textAt(payload, 'sender', 'login') ?? kind,
    data: payload,
  }
}

function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  let current: unknown = value
  for (const name of path) {
    if (typeof current !== 'object' || current === null) return undefined
    current = (current as Readonly<Record<string, unknown>>)[name]
  }
  return typeof current === 'string' ? current : undefined
}
