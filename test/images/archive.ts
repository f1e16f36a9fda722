import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { extract } from 'tar-stream'

type Descriptor = { readonly digest: string }

/** An image as an OCI archive has it. */
export type Archive = {
  /** Of the manifest: whoever pulls the image goes by it. */
  readonly digest: string
  readonly config: { readonly User: string; readonly Entrypoint: readonly string[] }
  /** Content of every file of every layer by its path. */
  readonly files: ReadonlyMap<string, Buffer>
  readonly bytes: number
}

/** Reads what `make images` wrote. */
export async function readArchive(file: string): Promise<Archive> {
  const archive = readFileSync(file)
  const entries = await unpack(archive)
  const json = (name: string) => JSON.parse((entries.get(name) ?? Buffer.of()).toString())
  const blob = ({ digest }: Descriptor) => `blobs/${digest.replace(':', '/')}`
  const [descriptor]: readonly Descriptor[] = json('index.json').manifests
  if (descriptor === undefined) throw new Error(`${file}: has no manifest`)
  const manifest: { readonly config: Descriptor; readonly layers: readonly Descriptor[] } = json(blob(descriptor))
  const files = new Map<string, Buffer>()
  for (const layer of manifest.layers) {
    const tar = gunzipSync(entries.get(blob(layer)) ?? Buffer.of())
    for (const [path, content] of await unpack(tar)) files.set(path, content)
  }
  return { digest: descriptor.digest, config: json(blob(manifest.config)).config, files, bytes: archive.length }
}

async function unpack(tar: Buffer): Promise<ReadonlyMap<string, Buffer>> {
  const reader = extract()
  reader.end(tar)
  const entries = new Map<string, Buffer>()
  for await (const entry of reader) {
    const chunks: Buffer[] = []
    for await (const chunk of entry) chunks.push(chunk as Buffer)
    if (entry.header.type === 'file') entries.set(entry.header.name, Buffer.concat(chunks))
  }
  return entries
}
