import { connect, type Socket } from 'node:net'

/** One connection to a port here, and what came back over it. */
export class Caller {
  received = ''
  error: NodeJS.ErrnoException | undefined
  readonly socket: Socket

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.setEncoding('utf8')
    this.socket.on('data', (text: string) => {
      this.received += text
    })
    this.socket.on('error', (error) => {
      this.error = error
    })
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}
