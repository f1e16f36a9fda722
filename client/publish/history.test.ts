import { expect, test } from 'vitest'
import { parseEndpoint } from '../transport/endpoint.ts'
import { Link } from '../transport/link.ts'
import { TlsSource } from '../transport/tls-source.ts'
import { AttemptHistory } from './history.ts'

function linkTo(endpoint: string): Link {
  return new Link({ endpoint: parseEndpoint(endpoint), tls: new TlsSource({}, () => 0), random: () => 0 })
}

test('the region of the first attempt stays what was known when it began', () => {
  using link = linkTo('localhost:1')
  const history = new AttemptHistory()
  expect(history.begin(link)).toBeUndefined()
  history.note()
  link.learn('east')
  expect(history.begin(link)).toMatchObject({ region: '', elsewhere: false })
  history.note()
  expect(history.begin(link)).toMatchObject({ region: '', elsewhere: false })
})

test('attempts that are not noted do not count; one in another region does, for good', () => {
  using east = linkTo('east=localhost:1')
  using other = linkTo('east=localhost:2')
  using west = linkTo('west=localhost:3')
  const history = new AttemptHistory()
  history.begin(west)
  expect(history.begin(east)).toBeUndefined()
  history.note()
  history.begin(other)
  history.note()
  expect(history.begin(west)).toMatchObject({ region: 'east', elsewhere: false })
  history.note()
  expect(history.begin(east)).toMatchObject({ region: 'east', elsewhere: true })
})

test('a region that the user named is not overwritten', () => {
  using link = linkTo('east=localhost:1')
  link.learn('west')
  expect(link.region).toBe('east')
})
