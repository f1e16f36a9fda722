/** How a tool is built and recognised. */
export type Tool = {
  /** The pinned version, without "v". */
  readonly version: string
  /** The Go package that is built. */
  readonly module: string
  /** Lowest Go version that its go.mod accepts. */
  readonly go: string
  /** What makes it print its version. */
  readonly versionArguments: readonly string[]
  /** Extra linker flags, for tools that learn their version only there. */
  readonly ldflags?: string
  /** A folder below scripts/go that pins the tool's module. */
  readonly folder?: string
}

/** Every native tool, at the one version that this repository works with. */
export const tools: Readonly<Record<string, Tool>>

/**
 * The path of a native tool at its pinned version; see tool.mjs.
 * @throws {Error} unknown tool, no usable Go, or a failed build; the text says what to install
 */
export function ensureTool(
  name: string,
  options?: { readonly report?: (line: string) => void; readonly environment?: NodeJS.ProcessEnv },
): Promise<string>

/** Where built tools are kept. */
export function toolFolder(environment?: NodeJS.ProcessEnv): string
