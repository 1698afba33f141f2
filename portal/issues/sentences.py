"""What the rules say in titles and reasons, with places for what they found: so pages read it in the reader's language.

Tables keep English (`chargers.sentences`). A test holds this list to what the rules write.
"""

from __future__ import annotations

from chargers.sentences import phrase

TITLES = (
    phrase("{charger} has booted {count} times in {time}."),
    phrase("{charger} has booted {count} times in {time}, after {command}."),
    phrase("The certificate of {charger} expires on {day}."),
    phrase("The certificate of {charger} expired on {day}."),
    phrase("{charger}, connector {number}: the last {count} sessions ended at once and drew nothing."),
    phrase("Session {number} on {charger} looks stuck: {why}, and no stop came."),
    phrase("{charger}, connector {number}: no session for {time}; usually one every {usual}."),
    phrase("The clock of {charger} is {time} ahead of ours."),
    phrase("The clock of {charger} is {time} ahead of ours{hint}."),
    phrase("The clock of {charger} is {time} behind ours."),
    phrase("The clock of {charger} is {time} behind ours{hint}."),
    phrase("{setting} seems to send {model} into a boot loop: {why}"),
    phrase("{charger} is not set as its templates want: {names}."),
    phrase("{charger} does not take {names}."),
    phrase("Two chargers call themselves {charger} and evict each other: {addresses}."),
    phrase("Two chargers call themselves {charger} and evict each other: {addresses}, serial numbers {numbers}."),
    phrase("{charger}: {cause} (connector {place})."),
    phrase("{charger}: {cause} (connector {place}, {codes})."),
    phrase("{charger}: {cause} (the charger as a whole)."),
    phrase("{charger}: {cause} (the charger as a whole, {codes})."),
    phrase("{charger}: {variable} is {value}. {cause}."),
    phrase("{charger} did not take its firmware: {status}."),
    phrase("{gone} of {all} chargers are offline. Look at our own network and gateway first."),
    phrase("Whole site silent: {site}, {count} chargers, all at once: router, SIM or grid?"),
    phrase("Whole site silent: {site}, {count} chargers, one after the other."),
    phrase("{charger} has been offline since {time} UTC."),
    phrase("{charger}: {count} of its messages had to be refused within an hour."),
    phrase("{charger} waits in quarantine: accept or reject it."),
)
PARTS = (
    phrase("its connector has been free for {time}"),
    phrase("nothing was metered for {time}"),
    phrase(", whole hours: its time zone is wrong"),
    phrase("{names} and {count} more"),
    phrase("{count} days"),
    phrase("1 day"),
)
REASONS = (
    phrase("It is online and has not booted for an hour."),
    phrase("It has a certificate until {day}."),
    phrase("Session {number} drew {energy} kWh there."),
    phrase("The session has ended."),
    phrase("It is metered again."),
    phrase("It is within {seconds} s of ours."),
    phrase("{name} lifted the quarantine."),
    phrase("Its connection has held since {time} UTC."),
    phrase("It reports {state}."),
    phrase("It has booted with firmware {version}."),
    phrase("Its update goes on: {status}."),
    phrase("{online} of {all} chargers are online again."),
    phrase("Part of a loss of the whole yard."),
    phrase("{back} of {all} chargers are back."),
    phrase("No charger stands there any more."),
    phrase("It is connected again."),
    phrase("Part of a larger loss, which has an issue of its own."),
    phrase("Nothing was refused for two hours."),
    phrase("It is {state}."),
    phrase("A session has started there."),
    phrase("It is set as wanted, or something else is wanted of it now."),
    phrase("It took the value, or another one is wanted of it now."),
    phrase("The charger says that it is over."),
    phrase("The rule was switched off."),
)
