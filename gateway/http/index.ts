export { OperationsServer } from './operations-server.ts'
