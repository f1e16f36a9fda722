/** Unpacks packages of Debian into the user's cache; see debian.mjs. @throws {Error} that says what to install */
export function unpackDebian(packages: readonly string[], environment?: NodeJS.ProcessEnv): Promise<string>
