import { expect, test } from 'vitest'
import { readModules } from './go-modules.ts'

const ANSWER = `/cache/nats-server-2.15.2: go1.26.6
\tpath\tgithub.com/nats-io/nats-server/v2
\tmod\tgithub.com/nats-io/nats-server/v2\tv2.15.2\th1:aaa=
\tdep\tgithub.com/klauspost/compress\tv1.18.0\th1:bbb=
\tdep\texample.com/old\tv1.0.0
\t=>\texample.com/new\tv1.0.1\th1:ccc=
\tbuild\t-trimpath=true
`

test('modules of a Go program: the standard library, itself, what it depends on, replacements in place', () => {
  expect(readModules(ANSWER).map(({ purl }) => purl)).toEqual([
    'pkg:golang/stdlib@1.26.6',
    'pkg:golang/github.com/nats-io/nats-server/v2@v2.15.2',
    'pkg:golang/github.com/klauspost/compress@v1.18.0',
    'pkg:golang/example.com/new@v1.0.1',
  ])
})
