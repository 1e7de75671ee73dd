#!/bin/bash
# Inside the lab: a microphone that hears what is played to the sink "air".
PIPEWIRE_RUNTIME_DIR=$(dirname "$(dirname "${PULSE_SERVER#unix:}")")
export PIPEWIRE_RUNTIME_DIR
pactl load-module module-null-sink media.class=Audio/Source/Virtual sink_name=microphone \
	channels=1 channel_map=mono >/dev/null
for ((tries = 200; tries > 0; tries--)); do # the server tells nobody when ports are there
	pw-link air:monitor_MONO microphone:input_MONO 2>/dev/null && break
	sleep 0.05
done
exec "$@"
