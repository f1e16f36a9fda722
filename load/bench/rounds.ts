/** One of those that are measured in turns. */
export type Turn<Outcome> = { readonly name: string; run(): Promise<Outcome> }

/** Called before each turn, to say where the run is. `round` 0 is the one that is not counted. */
export type OnTurn = (name: string, round: number) => void

/**
 * Runs everyone once uncounted (code gets compiled, connections and caches get warm), then `rounds` times in turns, A B C A B C: what the machine does
 * meanwhile hits all of them alike.
 * @returns the outcomes by name, in the order of the rounds
 */
export async function interleave<Outcome>(
  turns: readonly Turn<Outcome>[],
  rounds: number,
  onTurn: OnTurn,
): Promise<Map<string, Outcome[]>> {
  const outcomes = new Map<string, Outcome[]>(turns.map((turn) => [turn.name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const turn of turns) {
      onTurn(turn.name, round)
      const outcome = await turn.run()
      if (round > 0) outcomes.get(turn.name)?.push(outcome)
    }
  }
  return outcomes
}
