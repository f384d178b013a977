// Waiting times that grow, each drawn at random from its whole range, so that the clients of a restarted server do not return together.

/** @param {{ first: number, most: number }} bounds milliseconds */
export const makeBackoff = ({ first, most }) => {
  let range = first
  return {
    next: () => {
      const wait = range * (0.2 + 0.8 * Math.random())
      range = Math.min(range * 2, most)
      return wait
    },
    reset: () => {
      range = first
    },
  }
}
