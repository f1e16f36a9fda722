import { fields, list, oneOf, type Schema, text } from './schema.ts'

const PATH = '^data([.][A-Za-z0-9_$@-]+|\\[[*]\\]|\\["([^"\\\\]|\\\\.)+"\\])*$'

/** Rules that hide fields of JSON data. */
export function maskRules(description: string): Schema {
  return list(
    description,
    fields(
      'One field.',
      {
        path: text(
          'Where it is: "data.customer.email", "data.items[*].card", \'data["a name"]\'. Lists on the way are entered also without "[*]". "data" is all of it, with the action drop.',
          { lengthMax: 256, lengthMin: 1, pattern: PATH },
        ),
        action: oneOf(
          'redact: "[redacted]" in its place. hash: "sha256:..." of it, which does not hide values that can be guessed. drop: without it.',
          ['redact', 'hash', 'drop'],
        ),
      },
      {
        required: ['path', 'action'],
        rules: [
          {
            rule: "self.path != 'data' || self.action == 'drop'",
            message: 'action is not drop, wanted that for all of data',
          },
        ],
      },
    ),
    { itemsMax: 32 },
  )
}
