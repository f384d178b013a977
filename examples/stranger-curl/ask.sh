#!/usr/bin/env bash
# A client made from docs/protocol.md and curl: asks a question, prints the answer while it is written, and stops another one.
#
#     ./ask.sh [question]        PARLEY_URL and PARLEY_TOKEN say where, and as whom
#
# JSON is read by patterns here: a quote inside a string never stands without its backslash. A program would parse it.
set -euo pipefail
# Bytes, so that patterns and lengths do not depend on the machine's language.
export LC_ALL=C

base=${PARLEY_URL:-http://127.0.0.1:8080/v1/chat}
token=${PARLEY_TOKEN:-dev:ann}
question=${1:-What is Parley?}
STRING='"([^"\\]|\\.)*"'

# method path [JSON body] [header]: prints the answer. curl repeats what may pass (no connection, 503); a send carries its key.
call() {
  local answer
  answer=$(curl --silent --show-error --fail-with-body --retry 5 --max-time 40 --request "$1" \
    --header "Authorization: Bearer $token" \
    ${3:+--header "Content-Type: application/json" --data-binary "$3"} ${4:+--header "$4"} "$base/$2") || {
    echo "$answer" >&2
    return 1
  }
  printf '%s\n' "$answer"
}

# name: its last value in the JSON on standard input, a string without its quotes or a number.
last() {
  grep -oE "\"$1\":($STRING|[0-9]+)" | sed -E -e "s/^\"$1\"://" -e 's/^"(.*)"$/\1/' | sed -n '$p'
}

# The length of the inside of a JSON string in UTF-16 code units: an escape is one, a character of four bytes two, any other one.
length() {
  local text leads
  text=$(sed -E 's/\\(u[0-9a-fA-F]{4}|.)/x/g' <<<"$1")
  text=${text//[$'\x80'-$'\xbf']/}
  leads=${text//[!$'\xf0'-$'\xf7']/}
  echo $((${#text} + ${#leads}))
}

# The inside of a JSON string from a code unit on.
from() {
  local text=$2 left=$1 unit=$'^(\\\\u[0-9a-fA-F]{4}|\\\\.|[\xf0-\xf7]...|[\xe0-\xef]..|[\xc0-\xdf].|.)'
  while [ "$left" -gt 0 ] && [[ $text =~ $unit ]]; do
    left=$((left - $(length "${BASH_REMATCH[1]}")))
    text=${text:${#BASH_REMATCH[1]}}
  done
  printf '%s' "$text"
}

# text: as the inside of a JSON string.
escaped() {
  sed -E 's/[\\"]/\\&/g' <<<"$1"
}

new_session() {
  call POST sessions '{"name":"By curl"}' | last conversationId
}

# session key text: prints the reply. The same key again is the same message.
send() {
  call POST "sessions/$1/messages" "{\"text\":\"$(escaped "$3")\"}" "Idempotency-Key: $2"
}

# session reply: sets what is held of a session with one answer, which is nothing yet.
begin() {
  session=$1 cursor='' revision=0 held=0 state=pending
  answer=$(sed -E 's/.*"answer":\{"itemId":"([^"]*)".*/\1/' <<<"$2")
}

is_final() {
  [[ $state =~ ^(complete|failed|interrupted|blocked|stopped)$ ]]
}

# revision offset text: prints what of it is new.
show() {
  if [ "$1" != "$revision" ]; then
    if [ "$held" -gt 0 ]; then printf '\n[begins again]\n'; fi
    revision=$1 held=0
  fi
  # Where the text is not ours to judge, as at a gap, the next poll asks again.
  if [ "$2" -gt "$held" ]; then return; fi
  local fresh
  fresh=$(from $((held - $2)) "$3")
  # The one escape that printf does not know. A quote in a string is always escaped, so nothing else looks like it.
  printf '%b' "${fresh//\\\"/\"}"
  local end=$(($2 + $(length "$3")))
  if [ "$end" -gt "$held" ]; then held=$end; fi
}

# One long-poll: asks for what differs from what is held.
poll() {
  local frames item snapshot
  frames=$(call GET "sync?c=$session${cursor:+@$cursor}&a=$answer@$revision.$held&wait=25")
  if [[ $frames == *'"upTo"'* ]]; then cursor=$(last epoch <<<"$frames").$(last upTo <<<"$frames"); fi
  if [[ $frames == *'"answer_snapshot"'* ]]; then
    snapshot=${frames##*\"answer_snapshot\"}
    show "$(last revision <<<"$snapshot")" "$(last offset <<<"$snapshot")" "$(last text <<<"$snapshot")"
  fi
  if [[ $frames != *"\"id\":\"$answer\""* ]]; then return; fi
  item=${frames##*\"id\":\"$answer\"}
  state=$(last state <<<"$item")
  # The final item has all of the text, the last pieces included.
  if is_final && [[ $item == *'"text":'* ]]; then
    show "$(sed -E 's/.*"revision":([0-9]+).*/\1/' <<<"$item")" 0 "$(last text <<<"$item")"
  fi
}

follow() {
  until is_final; do poll; done
  printf '\n[%s]\n' "$state"
}

session=$(new_session)
key=curl-$$-$RANDOM
first=$(send "$session" "$key" "$question")
again=$(send "$session" "$key" "$question")
grep -q '"repeat":true' <<<"$again"
echo "sent twice, stored once"
begin "$session" "$first"
follow

session=$(new_session)
begin "$session" "$(send "$session" "$key" "$question")"
until [ "$held" -gt 0 ] || is_final; do poll; done
call POST "sessions/$session/messages/$answer/stop" >/dev/null
follow
