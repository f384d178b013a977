/**
 * From a person's text to search terms. The text is hostile until proven otherwise: nothing of it reaches the search
 * language but words of letters and numbers, each in quotes.
 */

export interface Term {
  /** One expression of the FTS5 query language, safe to put beside others. */
  readonly match: string
  /** The same with an open end, for half words and other endings: tried when nothing matches exactly. */
  readonly open: string
  /** For comparing with words of a sentence: lower case, compatibility forms folded. */
  readonly word: string
  /** Whether it cuts across words: that no passage has it says nothing. */
  readonly partial: boolean
}

/** A question longer than this is a pasted text: its beginning and its end hold the question. */
const MAX_TEXT = 20_000
/** Each costs a search on the event loop: with 10,000 passages about 5 ms when most of them have the word. */
const MAX_TERMS = 16

const WORD = /[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu
/** Scripts that put no spaces between words: there a pair of neighbours is what a word is elsewhere. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u
const UNSPACED_LETTER = new RegExp(`(${UNSPACED.source}\\p{M}*)`, "gu")
/** Each letter is a syllable. */
const HANGUL = /^\p{Script=Hangul}+$/u
const LATIN = /^[\p{Script=Latin}\p{N}\p{M}]+$/u

const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    "a about after all also am an and any are as at be because been before being but by can cannot could did do does doing don done for from " +
    "get give go going got had has have having he her here him his how i if in into is isn it its just know let like ll lot lots make many may me might mine more " +
    "most much must my need no not now of off on one only or other our out over own please re s say see should show so some such t tell than that the " +
    "their them then there these they thing things this those through to too under up us use using ve very want was way we well were what when where which " +
    "while who whom why will with without work works would you your yours explain describe mean means happen happens something anything help question " +
    "der die das und ist ein eine wie was ich zu den mit für le la les des est un une comment que et je el los de qué cómo es y en " +
    "и в не на я что как это для по с"
  ).split(" "),
)

const GREETINGS: ReadonlySet<string> = new Set(
  (
    "hello hi hey hiya howdy greetings morning afternoon evening night good day welcome thanks thank thx cheers ok okay yo bye goodbye " +
    "hallo guten tag moin danke servus bonjour salut merci hola buenos días gracias ciao buongiorno grazie olá obrigado привет здравствуйте спасибо " +
    "你好 您好 谢谢 こんにちは ありがとう 안녕하세요 שלום مرحبا नमस्ते"
  ).split(" "),
)

const folded = (text: string): string => text.toWellFormed().normalize("NFKC").toLowerCase()

/** The text as the index stores it: letters of unspaced scripts stand alone, so that a pair of them is a phrase. */
export const indexable = (text: string): string => folded(text).replace(UNSPACED_LETTER, " $1 ")

export const wordsOf = (text: string): ReadonlyArray<string> => folded(text).match(WORD) ?? []

const termsOfWord = (word: string): ReadonlyArray<Term> => {
  if (UNSPACED.test(word)) {
    const letters = indexable(word).trim().split(/ +/)
    if (letters.length === 1) return [{ match: `"${word}"`, open: `"${word}"`, word, partial: false }]
    return letters.slice(1).map((letter, index) => {
      const match = `"${letters[index]} ${letter}"`
      return { match, open: match, word: `${letters[index]}${letter}`, partial: true }
    })
  }
  if (LATIN.test(word)) return [{ match: `"${word}"`, open: `"${word}"*`, word, partial: false }]
  // The index knows the endings of English; of other alphabets it knows none, so the last letters are left open.
  const characters = [...word]
  const shortest = HANGUL.test(word) ? 2 : 4
  const stem = `"${characters.slice(0, Math.max(shortest, characters.length - 2)).join("")}"*`
  return [{ match: stem, open: stem, word, partial: false }]
}

export interface Question {
  /** Empty when the text asks for nothing in particular. */
  readonly terms: ReadonlyArray<Term>
  /** The text greets or thanks, and asks nothing. */
  readonly greeting: boolean
}

export const readQuestion = (text: string): Question => {
  const half = MAX_TEXT / 2
  const words = wordsOf(text.length > MAX_TEXT ? `${text.slice(0, half)} ${text.slice(-half)}` : text)
  const telling = [...new Set(words)].filter((word) => !STOP_WORDS.has(word))
  const asking = telling.filter((word) => !GREETINGS.has(word))
  const terms = [...new Map(asking.flatMap(termsOfWord).map((term) => [term.match, term])).values()]
  return {
    terms: terms.length <= MAX_TERMS ? terms : [...terms.slice(0, MAX_TERMS / 2), ...terms.slice(-MAX_TERMS / 2)],
    greeting: telling.length > 0 && asking.length === 0,
  }
}
