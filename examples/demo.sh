#!/usr/bin/env bash
# A conversation with a running gateway by curl, which explains itself as it goes. See --help.
set -euo pipefail
export PYTHONUTF8=1

usage() {
  cat <<'END'
Usage: examples/demo.sh [--allow-remote] [URL]

Talks to a running demo gateway by curl and explains what happens: 0000 lists services, 1,3 ends two of them, the clock
moves past the end of the month, a service is ordered and confirmed, its fee is announced and doubted, the evidence is
looked at, and what goes wrong on the way is mended.

The gateway is emptied first and loaded with the demo customers. It must run as demo or test: start one with `make run`.

  URL             where the gateway is; default $GATEWAY_URL, else http://127.0.0.1:8086
  --allow-remote  accept a URL that is not on this machine
  -h, --help      this text

Exit status: 0 all was as described, 1 it was not or no gateway answered, 2 wrong use.
Needs curl, and python3 to print JSON. NO_COLOR=1 switches colours off.
END
}

# ---- what is asked for

misused() {
  printf 'demo.sh: %s\n' "$*" >&2
  exit 2
}

url=
allow_remote=no
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --allow-remote) allow_remote=yes ;;
    -*) misused "there is no option $1; see --help" ;;
    *)
      [ -z "$url" ] || misused 'one URL is enough; see --help'
      url=$1
      ;;
  esac
  shift
done
url=${url:-${GATEWAY_URL:-http://127.0.0.1:8086}}
url=${url%/}
on_this_machine='^https?://(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?(/[A-Za-z0-9._/-]*)?$'
[[ $url =~ ^https?://[^/] ]] || misused "$url is no URL such as http://127.0.0.1:8086"
[[ $url =~ $on_this_machine ]] || [ "$allow_remote" = yes ] \
  || misused "$url is not on this machine, and the demo empties the gateway: give --allow-remote if you mean it"

# ---- saying it

bold='' dim='' blue='' green='' red='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
  bold=$'\033[1m' dim=$'\033[2m' blue=$'\033[36m' green=$'\033[32m' red=$'\033[31m' plain=$'\033[0m'
fi

chapter() { printf '\n%s== %s%s\n' "$bold$blue" "$*" "$plain"; }
explain() { printf '%s\n' "$@"; }
command_line() { printf '%s$ %s%s\n' "$dim" "$*" "$plain"; }
good() { printf '%s✓ %s%s\n' "$green" "$*" "$plain"; }
fail() {
  printf '%s✗ %s%s\n' "$red" "$*" "$plain" >&2
  exit 1
}
for tool in curl python3; do
  command -v "$tool" >/dev/null || fail "$tool is needed and was not found."
done

# Prints parts of the JSON on its standard input.
reader='
import json, shutil, sys, unicodedata

def wrapped(text, indent):
    width = min(shutil.get_terminal_size((100, 24)).columns, 100) - indent
    line, length = "", 0
    for char in text:
        size = 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if length + size > width:
            print(" " * indent + line)
            line, length = "", 0
        line, length = line + char, length + size
    print(" " * indent + line)

def field(value, *names):
    for name in names:
        value = value[int(name) if isinstance(value, list) else name]
    print(value)

def received(value):
    return [message for message in value["messages"] if message["direction"] == "mt"]

def messages(value):
    for message in received(value):
        print("   from %(from)s, %(segments)s SMS, %(status)s:" % message)
        wrapped(message["text"], 6)

def texts(value):
    print("\n".join(message["text"] for message in received(value)))

def count(value):
    print(len(received(value)))

def subscriptions(value):
    for item in value["subscriptions"]:
        ends = ", until " + item["ends_at"] if "ends_at" in item else ""
        print("   %s %s%s" % (item["service_code"].ljust(4), item["state"], ends))

def evidence(value):
    for item in value["evidence"]:
        told = item["payload"]
        sides = [told.get(side) for side in ("before", "after")]
        states = [(side.get("state") if isinstance(side, dict) else side) or "none" for side in sides]
        answer = ", answered " + told["answer"] if told.get("answer") else ""
        what = "%s %s: %s to %s%s" % (item["kind"], told.get("service_code", ""), *states, answer)
        print("   %2d  %s…  %s" % (item["seq"], item["hash"][:8], what))

globals()[sys.argv[1]](json.load(sys.stdin), *sys.argv[2:])
'
answer=
read_answer() { printf '%s' "$answer" | python3 -c "$reader" "$@"; }

# ---- talking to the gateway

# ask METHOD PATH [BODY]: what came back is in $answer.
ask() {
  local method=$1 path=$2 status options
  options=(--silent --show-error --max-time 60 --noproxy 'localhost,127.0.0.1,::1' --request "$method")
  options+=(--header 'Authorization: Bearer demo' --header 'X-Reason: the demo')
  [ $# -lt 3 ] || options+=(--header 'Content-Type: application/json' --data "$3")
  answer=$(curl "${options[@]}" --write-out '\n%{http_code}' "$url$path") || fail "$url does not answer any more."
  status=${answer##*$'\n'}
  answer=${answer%$'\n'*}
  [[ $status == 2* ]] || fail "$method $path was answered with $status: $answer"
}

# tell METHOD PATH BODY: the same, shown.
tell() {
  local token=
  [[ $2 != /api/* ]] || token=" -H 'Authorization: Bearer demo'"
  command_line "curl -X $1 $url$2$token -H 'Content-Type: application/json' -d '$3'"
  ask "$@"
}

# look PATH: a call of the management API that reads, shown.
look() {
  command_line "curl '$url$1' -H 'Authorization: Bearer demo' -H 'X-Reason: the demo'"
  ask GET "$1"
}

handset=13800138000
thread=/simulator/handsets/$handset/messages

# received AFTER: print and keep what the handset got behind a message.
received() {
  ask GET "$thread?after=$1"
  read_answer messages
  texts=$(read_answer texts)
}

# sends TO TEXT: the handset sends an SMS; print and keep the replies.
sends() {
  printf '\n%s%s sends %s to %s%s\n' "$bold" "$handset" "$2" "$1" "$plain"
  tell POST "$thread" "{\"to\": \"$1\", \"text\": \"$2\"}"
  sent=$(read_answer field id)
  ask POST /simulator/drain
  received "$sent"
}

# expect WORDS MEANING: fail unless the latest texts contain these words.
expect() {
  [[ $texts == *"$1"* ]] || fail "Expected $1 ($2), but it says: ${texts:-nothing}"
  good "$2"
}

newest() {
  ask GET "$thread?limit=500"
  read_answer field messages -1 id
}

# ---- the conversation

if ! curl --silent --max-time 10 --noproxy 'localhost,127.0.0.1,::1' --output /dev/null "$url/livez"; then
  fail "No gateway answers at $url. Start one with \`make run\`, or say where it is: examples/demo.sh URL"
fi
answer=$(curl --silent --max-time 10 --noproxy 'localhost,127.0.0.1,::1' "$url/readyz") || true
environment=$(read_answer field environment 2>/dev/null) || fail "What answers at $url is not an SMS command gateway."
case $environment in
  demo | test) ;;
  *) fail "The gateway at $url runs as $environment. The demo empties it, so it must run as demo or test." ;;
esac

chapter 'A clean slate'
explain "Empty the gateway at $url, load the demo customers, and stop the clock at ten this morning."
tell POST /simulator/reset '{"fixture": "demo"}'
ask GET /simulator/clock
today=$(read_answer field now)
today=${today%%T*}
tell PUT /simulator/clock "{\"now\": \"${today}T10:00:00+08:00\"}"

chapter '0000: what do I pay for?'
explain "$handset is a simulated handset. Its messages take the way of real ones: stored, answered 202, handled as" \
  'one turn, the reply sent through the outbox. POST /simulator/drain returns when nothing is left to do.'
sends 10086 0000
expect '1、彩铃5元/月' 'Numbered, with provider and price: 1 彩铃, 2 手机报, 3 天气预报, and 4 来电提醒 in the plan.'

chapter '1,3: stop these two'
explain 'The answer goes to the number that the list came from. A number means what was shown.'
sends 10086977 1,3
expect '天气预报(墨迹)已退订' 'Both ended at once, and the reply says what is still charged: nothing.'
sends 10086 0000
expect '1、手机报(新华)3元/月' 'They are gone from the list, and 手机报 is number 1 now.'

chapter 'The end of the month'
explain '手机报 is paid for by the month. Stopped now, it runs until the last second of the month.'
sends 10086977 1
expect '可用至' 'The reply names the last day and the fee of this month.'
look "/api/v1/subscribers/$handset/subscriptions"
read_answer subscriptions
year=${today%%-*} month=${today#*-}
month=$((10#${month%-*} + 1))
[ "$month" -le 12 ] || year=$((year + 1)) month=1
first=$(printf '%s-%02d-01' "$year" "$month")
explain '' "The clock is moved to $first. Whatever falls due on the way happens at its own time."
tell POST /simulator/clock/advance "{\"to\": \"${first}T10:00:00+08:00\"}"
look "/api/v1/subscribers/$handset/subscriptions"
read_answer subscriptions
[[ $answer == *'"service_code":"SJB","state":"ended"'* ]] || fail '手机报 (SJB) should have ended with the month.'
good '手机报 (SJB) ended with the month.'

chapter 'An order'
explain '音乐盒 is on offer. An order changes nothing by itself: the customer is asked from a number of its own. The' \
  'question names all terms, and only a yes to that number counts. Silence is a no.'
sends 10086 KTYYH
expect '回复“是”确认订购' 'Asked, not ordered.'
question=$(read_answer field messages 0 from)
sends "$question" 是
expect '已成功订购音乐盒' 'Ordered, with the day, the price, and how to stop it.'

chapter 'A fee, and a dispute'
explain 'Billing announces a fee before it takes it. The customer is reminded, with a code that disputes the fee.'
before=$(newest)
fee="demo-$first"
due=$(printf '%s-%02d-06' "$year" "$month")
tell POST /api/v1/charges "{\"charge_id\": \"$fee\", \"msisdn\": \"$handset\", \"service_code\": \"YYH\", \"kind\": \"monthly\", \
\"amount_fen\": 600, \"due_at\": \"${due}T10:00:00+08:00\"}"
ask POST /simulator/drain
received "$before"
expect '音乐盒6元' 'Reminded of what, how much, and from when.'
[[ $texts =~ 回复([0-9]{4}) ]] || fail 'The reminder should have a code of four digits.'
explain '' 'The customer disputes it. Staff have 72 hours to call back, and nothing is taken meanwhile.'
sends 10086901 "${BASH_REMATCH[1]}"
expect '期间不扣收' 'A ticket, with its number and its deadline.'
look "/api/v1/charges/$fee"
printf '   %s: %s\n' "$fee" "$(read_answer field state)"
explain '' 'Nobody calls. 72 hours later:'
before=$(newest)
tell POST /simulator/clock/advance '{"seconds": 259201}'
received "$before"
look "/api/v1/charges/$fee"
[[ $(read_answer field state) == waived ]] || fail 'The fee should be waived.'
good "Waived in the customer's favour."

chapter 'Evidence'
explain 'Every change left a record: who, what, before and after, the exact question and the exact answer. Each record has the' \
  'hash of the one before, so a change cannot go unnoticed.'
look "/api/v1/subscribers/$handset/evidence"
read_answer evidence
look "/api/v1/subscribers/$handset/evidence/verify"
printf '   %s\n' "$answer"
[[ $answer == *'"ok":true'* ]] || fail 'The chain does not verify.'
good 'The chain verifies.'

chapter 'The same message twice'
explain 'Providers post a message again when they are not sure that it arrived. It has one effect and one reply.'
before=$(newest)
for expected in accepted duplicate; do
  tell POST /webhooks/generic/inbound \
    "{\"message_id\": \"demo-1\", \"from\": \"$handset\", \"to\": \"10086\", \"text\": \"HELP\"}"
  printf '   %s\n' "$answer"
  [[ $(read_answer field status) == "$expected" ]] || fail "The answer should say $expected."
done
ask POST /simulator/drain
received "$before"
[ "$(read_answer count)" -eq 1 ] || fail 'There should be one reply.'
good 'One reply to two posts.'

chapter 'The network refuses'
explain 'The simulated network answers the next send with an error. The reply waits in the outbox and is tried again.'
tell PUT /simulator/faults '{"mode": "error", "count": 1}'
sends 10086 HELP
[ -z "$texts" ] || fail 'Nothing should have come yet.'
good 'Nothing on the handset yet.'
look "/api/v1/messages?msisdn=$handset&direction=mt&limit=1"
printf '   status %s after attempt %s: %s\n' "$(read_answer field messages 0 status)" \
  "$(read_answer field messages 0 attempts)" "$(read_answer field messages 0 error_code)"
explain '' 'Ten seconds later:'
tell POST /simulator/clock/advance '{"seconds": 10}'
received "$sent"
expect 0000 'The second attempt was taken.'

chapter 'The answer gets lost'
explain 'Worse: the network takes the message, and its answer never arrives. The gateway cannot know, so it asks again under' \
  'the same reference. This network knows its references, so the customer still gets one SMS.'
tell PUT /simulator/faults '{"mode": "timeout", "count": 1}'
sends 10086 HELP
explain '' 'Ten seconds later, after a second attempt:'
tell POST /simulator/clock/advance '{"seconds": 10}'
received "$sent"
[ "$(read_answer count)" -eq 1 ] || fail 'There should be one reply.'
good 'Once on the handset, and delivered.'

chapter 'That is all'
explain "The whole conversation is on the phone at $url/handset#$handset" \
  "The gateway's clock stands still; the Reset button there, or POST /simulator/reset, lets it run again."
