import { describe, expect, it } from 'vitest'
import { ownDocuments } from './foreign.ts'
import { parseDocuments } from './parse.ts'

const namespace = 'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: acme # the team\n'
const topic =
  'apiVersion: landbridge.dev/v1alpha1\nkind: Topic\nmetadata: { namespace: acme, name: orders }\nspec: {}\n'

describe('ownDocuments', () => {
  it.each<[what: string, text: string, own: number, foreign: readonly string[]]>([
    ['nothing', '', 0, []],
    ['a document of the mesh', topic, 1, []],
    ['a namespace before it', `${namespace}---\n${topic}`, 1, ['v1 Namespace acme']],
    ['a namespace after it', `${topic}---\n${namespace}`, 1, ['v1 Namespace acme']],
    ['a namespace between comments', `# a\n${namespace}# b\n---\n# c\n${topic}# d\n`, 1, ['v1 Namespace acme']],
    ['nothing but a namespace', namespace, 0, ['v1 Namespace acme']],
    [
      'others of other groups',
      `--- {apiVersion: apps/v1, kind: Deployment, metadata: {namespace: a, name: b}}\n---\n# nothing\n---\n{\n"apiVersion": "x.io/v1"\n}\n---\n${topic}`,
      1,
      ['apps/v1 Deployment a/b', 'x.io/v1 of no kind'],
    ],
    ['JSON', '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"}}', 0, ['v1 Secret s']],
  ])('finds %s', (_what, text, own, foreign) => {
    const found = ownDocuments(text)
    expect(found).toMatchObject({ own, foreign })
    const parsed = parseDocuments(found.text)
    if (own === 0) expect(parsed.error?.message).toMatch(/documents: are none/)
    else expect(parsed.value).toEqual(parseDocuments(topic).value)
  })

  it.each<[what: string, text: string]>([
    ['an unknown kind of the mesh', topic.replace('Topic', 'Queue')],
    ['another version of the mesh', topic.replace('v1alpha1', 'v9')],
    ['a document without a group', topic.replace('apiVersion', 'version')],
    ['a group that is no text', 'apiVersion: 1\nkind: Topic'],
    ['a text', 'hello'],
    ['YAML that is wrong', '{apiVersion: v1, kind: Namespace'],
    ['a tag that nobody knows', 'apiVersion: v1\nkind: !custom Namespace\n'],
    ['what nests too deeply', '['.repeat(3_000)],
  ])('leaves %s to the parser, which refuses it', (_what, text) => {
    const found = ownDocuments(text)
    expect(found).toMatchObject({ text, foreign: [] })
    expect(parseDocuments(found.text).error).toBeDefined()
  })

  it('leaves documents and lines their numbers', () => {
    const text = `${namespace}---\n${namespace}---\n${topic}more: [1\n`
    const own = ownDocuments(text)
    expect(own.foreign).toHaveLength(2)
    const wanted = parseDocuments(text)
      .error?.message.split('\n')
      .find((line) => line.startsWith('document 3, line'))
    expect(wanted).toBeDefined()
    expect(parseDocuments(own.text).error?.message).toContain(wanted)
  })
})
