# SPDX-License-Identifier: Apache-2.0
"""Measures the near-ultrasonic modem over the acoustic channel simulator.

    acoustic --preset room --trials 200 --seed 1 --bytes 41 --level rms

One line a run ends the output:
    acoustic room 41 bytes rms: success 198/200 airtime 0.34 s false 0 cpu 1.1 %
A wrong payload counts as false.  --csv FILE keeps a row for every trial.
"""
import argparse
import collections
import csv
import importlib.util
import math
import multiprocessing
import os
import pathlib
import subprocess
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
PROFILE = dict(clean="fast", desk="fast", room="fast", far="long", factory="long",
               hostile="motion")
RATE = 48000


def find_channel(given):
    if given:
        return pathlib.Path(given)
    for base in (os.environ.get("CSN_SHARED"), TOP.parent / "shared", TOP.parent.parent / "shared"):
        if base and (pathlib.Path(base) / "lab/acoustic/channel.py").exists():
            return pathlib.Path(base) / "lab/acoustic/channel.py"
    sys.exit("acoustic: no channel.py; CSN_SHARED says where shared/ is, or say --channel FILE")


def find_pipe():
    names = [os.environ.get("BUILDDIR"), os.environ.get("top_builddir"), ".", TOP,
             TOP / "build"]
    for base in filter(None, names):
        path = pathlib.Path(base) / "tests/bench/acoustic-pipe"
        if path.exists():
            return path
    sys.exit("acoustic: acoustic-pipe is not built; set BUILDDIR")


def load_channel(path):
    spec = importlib.util.spec_from_file_location("channel", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Pipe:
    """The C modem, kept running."""

    def __init__(self, path):
        self.proc = subprocess.Popen([str(path)], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE)

    def say(self, line):
        self.proc.stdin.write(line.encode() + b"\n")
        self.proc.stdin.flush()

    def send(self, profile, message):
        self.say(f"tx {profile} {message.hex()}")
        count = int(self.proc.stdout.readline())
        return np.frombuffer(self.proc.stdout.read(4 * count), np.float32).astype(float)

    def hear(self, samples):
        """Events as lists of words, and the closing line's numbers."""
        self.proc.stdin.write(f"rx {len(samples)}\n".encode())
        self.proc.stdin.write(np.asarray(samples, np.float32).tobytes())
        self.proc.stdin.flush()
        events = []
        while True:
            words = self.proc.stdout.readline().decode().split()
            if not words:
                sys.exit("acoustic: acoustic-pipe ended early")
            if words[0] == "done":
                return events, [float(w) for w in words[1:]]
            events.append(words[1:])


def start_worker(options):
    global opt, channel, pipe
    opt = options
    channel = load_channel(opt.channel)
    pipe = Pipe(opt.pipe)
    if opt.band:
        pipe.say(f"band {opt.band[0]} {opt.band[1]}")


def impair(y, how, rng):
    """Faults beyond the simulator's presets, one at a time."""
    if how == "rate44":              # captured at 44.1 kHz and resampled well
        from scipy import signal
        y = signal.resample_poly(signal.resample_poly(y, 147, 160), 160, 147)
    elif how == "lost10":            # 10 ms missing, the rest moves up
        on = rng.integers(int(0.2 * RATE), len(y) - int(0.5 * RATE))
        y = np.delete(y, slice(on, on + 480))
    elif how == "zero10":            # 10 ms of silence instead
        on = rng.integers(int(0.2 * RATE), len(y) - int(0.5 * RATE))
        y = np.concatenate([y[:on], np.zeros(480), y[on + 480:]])
    elif how == "agc6":              # +-6 dB steps at random moments, 20 ms to settle
        steps = np.repeat(rng.uniform(-6, 6, len(y) // 9600 + 1), 9600)[:len(y)]
        ramp = np.convolve(steps, np.ones(960) / 960, "same")
        y = y * 10 ** (ramp / 20)
    return y


def trial(number):
    seed = opt.seed * 100003 + number
    rng = np.random.default_rng([seed, 77])
    message = rng.bytes(opt.bytes)
    params = {**channel.PRESETS[opt.preset], "level": opt.level}
    for word in opt.set:
        key, value = word.split("=")
        params[key] = float(value)
    if opt.fault == "second":
        params["lead"] = (0.5, 0.5)
    burst = pipe.send(opt.profile, message)
    pipe.say("reset")
    got, seconds, cpu, slowest, combined = None, 0.0, 0.0, 0.0, 0
    wrong = 0
    rows = []
    for attempt in range(opt.repeat):
        y, _ = channel.simulate(burst, params, seed * opt.repeat + attempt)
        if opt.fault == "second":    # another loudspeaker, 7 ms further, same level
            quiet = dict(noise="none", ambient=None, agc=0, drops=0, clip=0)
            other, _ = channel.simulate(burst, {**params, **quiet}, seed + 5000011)
            late = np.concatenate([np.zeros(336), other])[:len(y)]
            y = y + np.pad(late, (0, len(y) - len(late)))
        y = impair(y, opt.fault, rng) * 10 ** (opt.gain / 20)
        events, numbers = pipe.hear(y)
        seconds += len(y) / RATE
        cpu += numbers[0] / 1e6
        slowest = max(slowest, numbers[1] / 1e3)
        rows += events
        for event in events:
            if event[0] != "done":
                continue
            if event[-1] == message.hex():
                got = event
                combined = attempt + 1
            else:
                wrong += 1
        if got:
            break
    last = got or (rows[-1] if rows else ["silence"] + ["0"] * 9 + ["silent", "-"])
    return dict(trial=number, seed=seed, ok=int(got is not None), false=wrong,
                bursts=combined, snr=params["snr"], airtime=len(burst) / RATE, seconds=seconds, cpu=cpu,
                slowest_ms=slowest, stage=last[0], heard=last[1], score=last[2],
                snr_db=last[3], level_dbfs=last[4], clock_ppm=last[5], echo_ms=last[6],
                passes=last[7], cause=last[10])


SOUNDS = ("pink", "babble", "factory", "music", "speech", "white")
TEXT = ("The station is ready. Please hold the device close to the screen and wait. "
        "Six sick sisters switch swiftly; she sells such shiny shells, sizzling and hissing. "
        "Temperature twenty-two degrees, pressure nine hundred and ninety hectopascal. ")


def music(n, rng):
    """Plucked chords with bright attacks and cymbal-like bursts up to 22 kHz."""
    y, t = np.zeros(n), np.arange(RATE) / RATE
    for start in np.cumsum(rng.uniform(0.08, 0.4, n // 4800)):
        at = int(start * RATE)
        if at + RATE >= n:
            break
        f0 = 110 * 2 ** (rng.integers(0, 36) / 12)
        parts = [np.sin(2 * np.pi * f0 * k * t + rng.uniform(0, 6.28)) / k
                 * np.exp(-t * (2 + k)) for k in range(1, int(22000 / f0), 1 + int(f0 < 300))]
        y[at:at + RATE] += np.sum(parts, axis=0)
        if rng.random() < 0.5:
            y[at:at + RATE] += rng.normal(size=RATE) * np.exp(-t * rng.uniform(8, 60)) * 0.5
    return y


def speech(n, rng):
    """espeak-ng at random speed and pitch, sibilants folded up to the whole spectrum."""
    from scipy import signal
    words = TEXT.split()
    rng.shuffle(words)
    raw = subprocess.run(["espeak-ng", "--stdout", "-s", str(rng.integers(120, 260)),
                          "-p", str(rng.integers(10, 90)), " ".join(words * 4)],
                         capture_output=True, check=True).stdout
    y = np.frombuffer(raw[44:], np.int16).astype(float) / 32768
    y = signal.resample_poly(y, 320, 147)
    y = np.tile(y, n // len(y) + 1)[:n]
    return y + 0.05 * np.diff(y, prepend=0) * rng.normal(size=n)


def false_trial(number):
    rng = np.random.default_rng([opt.seed, number, 5])
    kind, n = SOUNDS[number % len(SOUNDS)], 60 * RATE
    make = {"pink": lambda: channel.coloured(n, -1, rng),
            "babble": lambda: channel.babble(n, rng),
            "factory": lambda: channel.factory(n, rng, (17500.0, 20500.0)),
            "music": lambda: music(n, rng), "speech": lambda: speech(n, rng),
            "white": lambda: rng.normal(size=n)}[kind]
    y = make()
    y = y / (np.std(y) + 1e-12) * 10 ** (rng.uniform(-50, -12) / 20)
    events, numbers = pipe.hear(np.clip(y, -1, 1))
    return kind, sum(e[0] == "done" for e in events), len(events), numbers[0] / 1e6, events


def run_false(options):
    count = max(len(SOUNDS), round(options.false * 60))
    with multiprocessing.Pool(options.jobs, start_worker, (options,)) as pool:
        rows = pool.map(false_trial, range(count), chunksize=4)
    for kind in SOUNDS:
        mine = [r for r in rows if r[0] == kind]
        print(f"# {kind}: {len(mine) / 60:.2f} h, messages {sum(r[1] for r in mine)}, "
              f"attempts {sum(r[2] for r in mine)}")
        for event in (event for r in mine for event in r[4] if options.verbose):
            print(f"#   {event[0]} {event[1]} score {event[2]} cause {event[10]}")
    hours, tried = count / 60, sum(r[2] for r in rows)
    print(f"acoustic false {hours:.1f} h: messages {sum(r[1] for r in rows)} "
          f"preambles {tried} ({tried / hours:.2f} an hour) "
          f"cpu {100 * sum(r[3] for r in rows) / hours / 3600:.1f} %")


def server_bursts(options, out):
    """Impaired bursts into one file; how many samples of silence end each."""
    start_worker(options)
    for number in range(options.trials):
        seed = options.seed * 100003 + number
        message = np.random.default_rng([seed, 77]).bytes(options.bytes)
        burst = pipe.send(options.profile, message)
        y, _ = channel.simulate(burst, {**channel.PRESETS[options.preset],
                                        "level": options.level}, seed)
        pipe.say("reset")
        ends = [int(e[9]) for e in pipe.hear(y)[0] if e[0] == "done"]
        y = y[:(ends[0] if ends else len(y) - TAIL)]     # the same silence behind each
        y = np.concatenate([y, np.zeros(TAIL)])
        out.write(f"burst {message.hex()} {len(y)}\n".encode())
        out.write(np.clip(y, -1, 1).astype(np.float32).tobytes())
    out.flush()
    pipe.proc.stdin.close()
    pipe.proc.wait()


TAIL = 9600


def run_server(options):
    """Real time over a real sound server: success, and how long a message takes."""
    import tempfile
    lab = options.lab or options.channel.parent.parent / "audio/run.sh"
    with tempfile.NamedTemporaryFile(suffix=".bursts") as file:
        server_bursts(options, file)
        server = options.pipe.parent / "acoustic-server"
        # As a desktop's sound server runs; without the right to, as it can.
        done = subprocess.run(["nice", "-n", "-11", "bash", str(lab), "--", str(server), file.name,
                               str(TAIL)], capture_output=True, text=True, cwd=server.parent.parent.parent)
    rows = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("burst ")]
    if done.returncode or not rows:
        print(done.stderr.strip()[-400:], file=sys.stderr)
        sys.exit(125 if done.returncode == 125 else 3)
    good = [r for r in rows if r[0] == "1"]
    after = sorted(float(r[1]) for r in good) or [0.0]
    path = sorted(float(r[2]) for r in good) or [0.0]
    if options.verbose:
        for number, row in enumerate(rows):
            print(f"# burst {number} arrived {row[0]} after {row[1]} ms path {row[2]} ms")
    print(f"# path of the sound (250 ms of it media/gst's lead): median "
          f"{path[len(path) // 2]:.0f} ms, {path[0]:.0f} to {path[-1]:.0f} ms")
    print(f"acoustic server {options.preset} {options.bytes} bytes {options.level}: success "
          f"{len(good)}/{len(rows)} message after the last sample: median "
          f"{after[len(after) // 2]:.1f} ms, worst {after[-1]:.1f} ms")


FAULTS = ("rate44", "zero10", "lost10", "agc6", "second")
STRETCH = dict(clean=0.30, desk=0.30, room=0.40, far=0.80, factory=0.75, hostile=1.30)


def capacity(params, low, high):
    """Bits a second within a band: flat spectrum, the echo equalised, noise as channel.py sets it."""
    def gain(f):
        chain = {**channel.DEFAULTS, **params, "ripple": 0}
        return np.abs(channel.chain_response(f, chain, np.random.default_rng(0))) ** 2
    f, reference = np.arange(low, high, 5.0), np.mean(gain(np.arange(17500.0, 20500.0, 5.0)))
    snr = 10 ** (params["snr"] / 10) * gain(f) / reference * 3000 / (high - low)
    return float(np.sum(np.log2(1 + snr)) * 5.0)


def run_limit(options):
    """How far each preset stands from Shannon, and from the stretch goals (64 bytes)."""
    start_worker(options)
    low, high = options.band or (17250.0, 20000.0)
    for preset in PROFILE:
        params = channel.PRESETS[preset]
        airtime = len(pipe.send(PROFILE[preset], bytes(options.bytes))) / RATE
        rate = options.bytes * 8 / airtime
        most = capacity(params, low, high)
        least_db = 10 * math.log10(2 ** (rate / (high - low)) - 1)
        wish = STRETCH[preset]
        print(f"acoustic limit {preset} {options.bytes} bytes {PROFILE[preset]}: airtime {airtime:.3f} s "
              f"capacity {most / 1000:.1f} kbit/s = {1000 * options.bytes * 8 / most:.0f} ms, "
              f"{most / rate:.1f} times; our {rate:.0f} bit/s need {least_db:.1f} dB by Shannon, "
              f"the preset has {params['snr']} dB; stretch {wish:.2f} s "
              + ("met" if airtime <= wish or options.bytes != 64 else f"missed by {airtime - wish:.2f} s"))


def run_losses(options):
    """What each fault costs, in points."""
    lost = []
    options.fault = ""
    whole = run(options)
    for options.fault in FAULTS:
        lost.append(f"{options.fault} {100 * (whole - run(options)) / options.trials:+.0f}")
    options.fault = ""
    print(f"acoustic losses {options.preset} {options.bytes} bytes {options.level}: points lost of "
          f"{100 * whole / options.trials:.0f} %: {', '.join(lost)}")


def wilson(k, n):
    """95 % confidence interval of k successes in n."""
    z, p = 1.96, k / n
    mid = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return 100 * (mid - half) / (1 + z * z / n), 100 * (mid + half) / (1 + z * z / n)


def run(options):
    with multiprocessing.Pool(options.jobs, start_worker, (options,)) as pool:
        rows = pool.map(trial, range(options.trials), chunksize=2)
    if options.csv:
        old = options.append and os.path.exists(options.csv)
        with open(options.csv, "a" if old else "w", newline="") as out:
            writer = csv.DictWriter(out, rows[0].keys())
            if not old:
                writer.writeheader()
            writer.writerows(rows)
    if options.verbose:
        for row in rows:
            if not row["ok"] or options.verbose > 1:
                print("# " + " ".join(f"{k}={v}" for k, v in row.items()))
    good, n = sum(r["ok"] for r in rows), len(rows)
    low, high = wilson(good, n)
    if good < n:
        told = collections.Counter(f"{r['stage']}/{r['cause']}" for r in rows if not r["ok"])
        print(f"# {n - good} lost, told as: "
              + ", ".join(f"{what} {count}" for what, count in told.most_common()))
    print(f"# {low:.1f}..{high:.1f} % with 95 % confidence, profile {options.profile}, "
          f"slowest 10 ms block {max(r['slowest_ms'] for r in rows):.1f} ms")
    name = options.preset + (f"+{options.fault}" if options.fault else "")
    print(f"acoustic {name} {options.bytes} bytes {options.level}: "
          f"success {good}/{n} airtime {rows[0]['airtime']:.2f} s "
          f"false {sum(r['false'] for r in rows)} "
          f"cpu {100 * sum(r['cpu'] for r in rows) / sum(r['seconds'] for r in rows):.1f} %")
    return good


def arguments():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--preset", choices=PROFILE, default="room")
    ap.add_argument("--profile", choices=("fast", "long", "motion"))
    ap.add_argument("--trials", type=int, default=200)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--bytes", type=int, default=41)
    ap.add_argument("--level", choices=("rms", "peak"), default="rms")
    ap.add_argument("--repeat", type=int, default=1, help="bursts until it is given up")
    ap.add_argument("--gain", type=float, default=0, help="dB on what is received")
    ap.add_argument("--fault", default="",
                    choices=("",) + FAULTS)
    ap.add_argument("--losses", action="store_true", help="all faults, one after the other")
    ap.add_argument("--limit", action="store_true",
                    help="how far each preset stands from capacity and from the stretch goals")
    ap.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                    help="a channel parameter in place of the preset's, e.g. snr=12")
    ap.add_argument("--band", nargs=2, type=float, metavar=("LOW", "HIGH"))
    ap.add_argument("--channel", help="channel.py of the simulator")
    ap.add_argument("--false", type=float, metavar="HOURS",
                    help="listen to noise, speech and music instead: nothing may arrive")
    ap.add_argument("--server", action="store_true",
                    help="through a real sound server, in real time (shared/lab/audio)")
    ap.add_argument("--lab", help="run.sh of the sound server")
    ap.add_argument("--have-channel", action="store_true",
                    help="only say whether the simulator is there")
    ap.add_argument("--csv", help="a row for every trial; lab plot success draws it")
    ap.add_argument("--append", action="store_true", help="to what is in that file")
    ap.add_argument("--jobs", type=int, default=os.cpu_count())
    ap.add_argument("-v", "--verbose", action="count", default=0)
    return ap.parse_args()


def main():
    options = arguments()
    options.profile = options.profile or PROFILE[options.preset]
    options.channel = find_channel(options.channel)
    if options.have_channel:
        print(options.channel)
        return
    options.pipe = find_pipe()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    if options.limit:
        run_limit(options)
    elif options.losses:
        run_losses(options)
    elif options.server:
        run_server(options)
    elif options.false:
        run_false(options)
    else:
        run(options)


if __name__ == "__main__":
    main()
