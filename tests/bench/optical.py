# SPDX-License-Identifier: Apache-2.0
"""Measures the QR reader and the stream on photos and through a simulated camera.

    optical --photos DIR                                   a folder with a MANIFEST.tsv
    optical --preset desk --seed 1 --frames 200            single pictures, each a new pose
    optical --preset lowlight --sets 24                    up to ten pictures of one code
    optical --stream 102400 --preset desk --camera 1280x720@30 [--version 40 --grid 2x1]

zxing-cpp and zbar read the same pictures in the same run.  The last line of a run is
its summary; --csv FILE keeps a row for every picture.  Without arguments: a short
slice of everything that is there.
"""
import argparse
import csv
import importlib.util
import os
import pathlib
import random
import statistics
import subprocess
import sys

import cv2
import numpy as np

TOP = pathlib.Path(__file__).resolve().parents[2]
PEERS = ("zxing", "zbar")
ENCODINGS = ("utf-8", "shift_jis", "cp932", "latin-1", "gb18030", "big5")
CODES = [(version, level) for version in (10, 15, 20, 25) for level in "LM"]
FILLS = {"bench": .92, "desk": .85, "handheld": .75, "lowlight": .75, "glare": .8, "hostile": .6}
MODULE_PX = 8
STREAM_MODULE_PX = 4
SET_FRAMES = 10


def shared(name):
    for base in (os.environ.get("CSN_SHARED"), TOP.parent / "shared", TOP / "shared"):
        if base and (pathlib.Path(base) / name).exists():
            return pathlib.Path(base) / name
    return None


def load_camera():
    path = shared("lab/optical/camera.py")
    if path is None:
        sys.exit("optical: no camera.py; CSN_SHARED says where shared/ is")
    spec = importlib.util.spec_from_file_location("camera", path)
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    return module


class Pipe:
    """One optical-pipe process."""
    def __init__(self, reader="ours", merge=True):
        self.process = subprocess.Popen([find_pipe()], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.tell("reader %s %d" % (reader, merge))

    def tell(self, line, picture=None):
        self.process.stdin.write(line.encode() + b"\n")
        if picture is not None:
            self.process.stdin.write(np.ascontiguousarray(picture).tobytes())
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline().split()
        if not line:
            sys.exit("optical: optical-pipe ended")
        return [word.decode() for word in line]

    def picture(self):
        width, height = map(int, self.answer())
        raw = self.process.stdout.read(width * height)
        return np.frombuffer(raw, np.uint8).reshape(height, width)

    def read(self, picture):
        """(ms, way, payloads)"""
        self.tell("frame %d %d" % picture.shape[::-1], picture)
        ms, way, *payloads = self.answer()
        return float(ms), way, [bytes.fromhex(payload) for payload in payloads]

    def draw(self, version, level, payload):
        self.tell("draw %d %s %d %s" % (version, level, MODULE_PX, payload.hex()))
        return self.picture()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def find_pipe():
    for base in (os.environ.get("BUILDDIR"), os.environ.get("top_builddir"), ".", TOP, TOP / "build"):
        path = pathlib.Path(base or ".") / "tests/bench/optical-pipe"
        if base and path.is_file():
            return str(path)
    sys.exit("optical: optical-pipe is not built; set BUILDDIR")


class Tally:
    def __init__(self, name):
        self.name, self.read, self.wrong, self.all, self.ms = name, 0, 0, 0, []

    def add(self, good, any_read, ms):
        self.all += 1
        self.read += good
        self.wrong += any_read and not good
        self.ms.append(ms)

    def line(self):
        return "read %d/%d wrong %d median %.1f ms" % (self.read, self.all, self.wrong,
                                                       statistics.median(self.ms or [0]))

    def full(self):
        ms = sorted(self.ms or [0])
        return "%s p95 %.1f ms max %.1f ms" % (self.line(), ms[len(ms) * 95 // 100], ms[-1])


class Table:
    def __init__(self, path):
        self.file = open(path, "w", newline="") if path else None
        self.writer = csv.writer(self.file) if path else None

    def row(self, *cells):
        if self.writer:
            self.writer.writerow(cells)


def same_text(payload, text):
    for encoding in ENCODINGS:
        try:
            if payload.decode(encoding).replace("\r\n", "\n").rstrip("\r\n") == text:
                return True
        except UnicodeDecodeError:
            pass
    return False


def photos(args, table):
    base = pathlib.Path(args.photos)
    rows = [line.split("\t") for line in (base / "MANIFEST.tsv").read_text().splitlines()[1:] if line]
    tallies = {}
    for name in ("ours",) + PEERS:
        pipe, tally = Pipe(name), Tally(name)
        for row in rows:
            picture = cv2.imread(str(base / row[0]), cv2.IMREAD_GRAYSCALE)
            text = (base / row[1]).read_bytes().decode("utf-8").replace("\r\n", "\n").rstrip("\r\n")
            if picture is None:
                sys.exit("optical: cannot read %s" % row[0])
            pipe.tell("reset")
            ms, way, payloads = pipe.read(picture)
            good = any(same_text(payload, text) for payload in payloads)
            tally.add(good, bool(payloads), ms)
            table.row("photos", name, row[0], good, way, ms)
        pipe.close()
        tallies[name] = tally
    for name in PEERS:
        print("photos peer %s: %s" % (name, tallies[name].full()))
    print("photos: " + tallies["ours"].line())
    return tallies["ours"].wrong == 0


def knobs_of(camera, preset, **more):
    knobs = {name: default for name, (default, _) in camera.KNOBS.items()}
    knobs.update(camera.PRESETS[preset])
    knobs.update(more)
    return knobs


def shots(camera, knobs, frame, size, seed):
    """Camera pictures of one static frame, without those that were lost."""
    eye, number = camera.Camera([frame], knobs, size, seed, 10), 0
    while True:
        picture, _ = eye.shoot(number)
        number += 1
        if picture is not None:
            yield picture


def scenes(args, camera, pipe):
    """For ever: a code, its payload, and its pictures."""
    rng, number = random.Random(args.seed), 0
    knobs = knobs_of(camera, args.preset)
    while True:
        version, level = CODES[number % len(CODES)] if not args.version else (args.version, args.level)
        payload = rng.randbytes(CAPACITY[version, level])
        seed = args.seed * 1000 + number
        yield payload, shots(camera, knobs, pipe.draw(version, level, payload), args.size, seed)
        number += 1


# Bytes that fit, so that the bench does not take them from what it measures.
CAPACITY = {(10, "L"): 271, (10, "M"): 213, (15, "L"): 520, (15, "M"): 412,
            (20, "L"): 858, (20, "M"): 666, (25, "L"): 1273, (25, "M"): 997,
            (30, "L"): 1732, (30, "M"): 1370, (40, "L"): 2953, (40, "M"): 2331}


def singles(args, table):
    camera = load_camera()
    names = ("ours",) if args.no_peers else ("ours",) + PEERS
    pipes = {name: Pipe(name) for name in names}
    tallies = {name: Tally(name) for name in names}
    source = scenes(args, camera, pipes["ours"])
    for number in range(args.frames):
        payload, pictures = next(source)
        picture = next(pictures)
        for name, pipe in pipes.items():
            pipe.tell("reset")
            ms, way, payloads = pipe.read(picture)
            tallies[name].add(payload in payloads, bool(payloads), ms)
            table.row("single", args.preset, name, number, payload in payloads, way, ms)
    for name in names[1:]:
        print("%s peer %s: %s" % (args.preset, name, tallies[name].full()))
    print("%s: %s" % (args.preset, tallies["ours"].full()))
    for pipe in pipes.values():
        pipe.close()
    return tallies["ours"].wrong == 0


def sets(args, table):
    """Up to ten pictures of one static code: when was it read first?"""
    camera, pipe = load_camera(), Pipe("ours")
    source, first, wrong, tracked = scenes(args, camera, pipe), [], 0, []
    for number in range(args.sets):
        payload, pictures = next(source)
        when = 0
        pipe.tell("reset")
        for shot in range(1, SET_FRAMES + 1):
            ms, way, payloads = pipe.read(next(pictures))
            wrong += bool(payloads) and payload not in payloads
            if way == "tracked":
                tracked.append(ms)
            if payload in payloads and not when:
                when = shot
            if when and shot > when:
                break
        first.append(when)
        table.row("set", args.preset, number, when)
    good = sorted(n for n in first if n)
    late = good[min(len(good) - 1, len(first) * 95 // 100)] if good else 0
    print("%s sets: read %d/%d wrong %d, 95 %% within %s pictures, tracked median %.1f ms" % (
        args.preset, len(good), len(first), wrong,
        late if len(good) > len(first) * 95 // 100 else "-", statistics.median(tracked or [0])))
    pipe.close()
    return wrong == 0


class Shown:
    """The stream's pictures, drawn when the camera asks for them."""
    def __init__(self, pipe):
        self.pipe, self.cache = pipe, {}

    def __len__(self):
        return 1 << 30

    def __getitem__(self, index):
        if index not in self.cache:
            self.cache = {n: p for n, p in self.cache.items() if n > index - 8}
            self.pipe.tell("show %d" % index)
            self.cache[index] = self.pipe.picture()
        return self.cache[index]


def stream(args, table):
    camera, pipe = load_camera(), Pipe("ours")
    columns, rows = args.grid
    version = args.version or 25
    pipe.tell("stream %d %d %s %d %d %d %d" % (args.stream, version, args.level, STREAM_MODULE_PX,
                                               columns, rows, args.seed))
    capacity, least = map(int, pipe.answer())
    cell = 17 + 4 * version + 8
    fps = args.fps or args.size_fps / 2
    ppm = args.ppm or FILLS[args.preset] * min(args.size[0] / (cell * columns), args.size[1] / (cell * rows))
    knobs = knobs_of(camera, args.preset, camera_fps=args.size_fps, ppm=ppm)
    eye = camera.Camera(Shown(pipe), knobs, args.size, args.seed, fps, STREAM_MODULE_PX)
    limit = int(args.size_fps * args.seconds)
    spent, codes, number = [], 0, 0
    complete = right = have = 0
    while number < limit and not complete:
        picture, _ = eye.shoot(number)
        number += 1
        if picture is None:
            continue
        pipe.tell("take %d %d" % picture.shape[::-1], picture)
        ms, read, have, needed, complete, right = pipe.answer()
        spent.append(float(ms))
        codes += int(read)
        have, complete, right = int(have), int(complete), int(right)
        table.row("stream", args.preset, number, ms, read, have, needed, complete)
    seconds = number / args.size_fps
    shown = seconds * fps * columns * rows
    print("stream: %s %d bytes v%d-%s %dx%d at %.1f fps, %.1f px/module, %dx%d@%g: %s in %.2f s = %.1f kB/s, "
          "caught %.0f %%, median %.1f ms p95 %.1f ms" % (
              args.preset, args.stream, version, args.level, columns, rows, fps, ppm, *args.size, args.size_fps,
              "complete" if right else "WRONG" if complete else "unfinished", seconds,
              (args.stream if right else have * (capacity - 24)) / seconds / 1000,
              100 * have / shown, statistics.median(spent or [0]),
              sorted(spent or [0])[len(spent) * 95 // 100 if spent else 0]))
    pipe.close()
    return bool(right)


def pair(text, what, separator="x"):
    try:
        first, second = text.split(separator)
        return int(first), int(second)
    except ValueError:
        raise argparse.ArgumentTypeError("%s looks like %s" % (what, separator.join(("3", "2"))))


def parse(argv):
    parser = argparse.ArgumentParser(prog="optical", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", metavar="DIR", help="folder with MANIFEST.tsv")
    parser.add_argument("--preset", choices=sorted(FILLS), default="desk")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--frames", type=int, default=0, help="single pictures")
    parser.add_argument("--sets", type=int, default=0, help="sets of up to ten pictures of one code")
    parser.add_argument("--stream", type=int, metavar="BYTES", help="transfer so many bytes")
    parser.add_argument("--camera", default="1280x720@30", help="WIDTHxHEIGHT@FPS")
    parser.add_argument("--version", type=int, default=0, help="of the codes (stream: 25)")
    parser.add_argument("--level", default="L", choices=list("LMQH"))
    parser.add_argument("--grid", type=lambda text: pair(text, "a grid"), default=(1, 1), help="1x1 to 3x2")
    parser.add_argument("--fps", type=float, default=0, help="of the shown codes (half the camera's)")
    parser.add_argument("--ppm", type=float, default=0, help="camera pixels per module")
    parser.add_argument("--seconds", type=float, default=60, help="give a stream up after so long")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--csv", metavar="FILE")
    args = parser.parse_args(argv)
    size, _, fps = args.camera.partition("@")
    args.size, args.size_fps = pair(size, "a camera"), float(fps or 30)
    return args


def main(argv):
    args = parse(argv)
    table, good, any_done = Table(args.csv), True, False
    for wanted, work in ((args.photos, photos), (args.frames, singles), (args.sets, sets),
                         (args.stream, stream)):
        if wanted:
            good = work(args, table) and good
            any_done = True
    if not any_done:
        pictures = shared("data/qr-photos")
        if pictures:
            good = main(["--photos", str(pictures)]) == 0
        for preset in ("desk", "lowlight"):
            good = main(["--preset", preset, "--frames", "16"]) == 0 and good
        good = main(["--stream", "20000", "--preset", "desk"]) == 0 and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
