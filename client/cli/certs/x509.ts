import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { cryptoProvider } from '@peculiar/x509'

// The library asks for reflection metadata to be there first, and for the crypto to use.
cryptoProvider.set(webcrypto)

export * from '@peculiar/x509'
