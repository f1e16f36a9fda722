import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { pack } from 'tar-stream'
import { digestOf, type Layer } from './layer.ts'

/** An image to write. */
export type Image = {
  /** "landbridge:0.1.0" */
  readonly reference: string
  readonly layers: readonly Layer[]
  readonly entrypoint: readonly string[]
  readonly workingDir: string
  readonly labels: Readonly<Record<string, string>>
  /** "amd64", "arm64" */
  readonly architecture: string
}

const CREATED = '1970-01-01T00:00:00Z'
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'

/**
 * Writes an image as one file: an OCI image layout (image-spec 1.1) in a tar, with the `manifest.json` beside it that
 * older `docker load` reads.
 * @returns the manifest's digest
 */
export async function writeArchive(file: string, image: Image): Promise<string> {
  const config = json({
    created: CREATED,
    architecture: image.architecture,
    os: 'linux',
    config: {
      User: '65532:65532',
      Env: ['PATH=/usr/local/bin', 'NODE_ENV=production'],
      Entrypoint: image.entrypoint,
      WorkingDir: image.workingDir,
      Labels: image.labels,
    },
    rootfs: { type: 'layers', diff_ids: image.layers.map(({ diffId }) => diffId) },
    history: image.layers.map(() => ({ created: CREATED, created_by: 'make images' })),
  })
  const manifest = json({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: CONFIG, digest: digestOf(config), size: config.length },
    layers: image.layers.map(({ digest, blob }) => ({ mediaType: LAYER, digest, size: blob.length })),
    annotations: { 'org.opencontainers.image.created': CREATED, ...image.labels },
  })
  const tag = image.reference.slice(image.reference.lastIndexOf(':') + 1)
  const index = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      {
        mediaType: MANIFEST,
        digest: digestOf(manifest),
        size: manifest.length,
        platform: { architecture: image.architecture, os: 'linux' },
        annotations: {
          'org.opencontainers.image.ref.name': tag,
          'io.containerd.image.name': `docker.io/library/${image.reference}`,
        },
      },
    ],
  })
  const legacy = json([
    {
      Config: blobPath(digestOf(config)),
      RepoTags: [image.reference],
      Layers: image.layers.map(({ digest }) => blobPath(digest)),
    },
  ])
  const entries: readonly (readonly [name: string, content: Buffer])[] = [
    ['oci-layout', json({ imageLayoutVersion: '1.0.0' })],
    ['index.json', index],
    ['manifest.json', legacy],
    ...[config, manifest, ...image.layers.map(({ blob }) => blob)].map(
      (blob) => [blobPath(digestOf(blob)), blob] as const,
    ),
  ]
  const archive = pack()
  const written = pipeline(archive, createWriteStream(file))
  for (const name of ['blobs', 'blobs/sha256']) {
    archive.entry({ name: `${name}/`, type: 'directory', mode: 0o755, mtime: new Date(0) })
  }
  for (const [name, content] of entries) {
    archive.entry({ name, mode: 0o644, mtime: new Date(0), size: content.length }, content)
  }
  archive.finalize()
  await written
  return digestOf(manifest)
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}
