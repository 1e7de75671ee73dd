# SPDX-License-Identifier: Apache-2.0
"""Measures the QR reader and the stream on photos and through a simulated camera.

    optical --photos DIR                                   a folder with a MANIFEST.tsv
    optical --preset desk --seed 1 --frames 200            single pictures, each a new pose
    optical --preset lowlight --sets 24                    up to ten pictures of one code
    optical --preset hostile --first 50                    time to the first reading, v10-M
    optical --worst 5 --camera 1920x1080@30                pictures made to take long
    optical --stream 102400 --preset desk --camera 1280x720@30 [--version 40 --grid 2x1]

zxing-cpp and zbar read the same pictures in the same run, and npm's zxing-wasm if CSN_NPM
names the node_modules that holds it.  The last line of a run is its summary; --csv FILE
keeps a row for every picture.  Without arguments: a short slice of everything that is there.
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

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
WASM = os.environ.get("CSN_NPM", "")
PEERS = ("zxing", "zbar") + (("wasm",) if os.path.isdir(WASM + "/zxing-wasm") else ())
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
        self.process = subprocess.Popen(
            ["node", str(HERE / "optical_wasm.mjs")] if reader == "wasm" else [find_pipe()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
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


def first(args, table):
    """When is a static v10-M code read first, lost pictures included?  Each time a new pose."""
    camera, pipe, late, wrong, limit = load_camera(), Pipe("ours"), [], 0, 10 * int(args.size_fps)
    rng, knobs = random.Random(args.seed), knobs_of(load_camera(), args.preset)
    for run in range(args.first):
        payload, number, read = rng.randbytes(CAPACITY[10, "M"]), 0, False
        eye = camera.Camera([pipe.draw(10, "M", payload)], knobs, args.size, args.seed * 1000 + run, 10)
        pipe.tell("reset")
        while number < limit and not read:
            picture, _ = eye.shoot(number)
            number += 1
            payloads = [] if picture is None else pipe.read(picture)[2]
            read = payload in payloads
            wrong += bool(payloads) and not read
        late.append(number / args.size_fps if read else float("inf"))
        table.row("first", args.preset, run, late[-1])
    late.sort()
    print("%s first: v10-M at %g fps, %d runs, wrong %d: median %.2f s, 95 %% within %.2f s, all within %.2f s" % (
        args.preset, args.size_fps, len(late), wrong, statistics.median(late),
        late[-(-len(late) * 95 // 100) - 1], late[-1]))
    pipe.close()
    return wrong == 0


def finder(px):
    square = np.zeros((9, 9), np.uint8)
    square[0, :] = square[8, :] = square[:, 0] = square[:, 8] = 255
    square[2:7, 2:7] = 255
    square[3:6, 3:6] = 0
    return np.kron(square, np.ones((px, px), np.uint8))


def tiled(tile, size):
    width, height = size
    return np.tile(tile, (-(-height // tile.shape[0]), -(-width // tile.shape[1])))[:height, :width]


def scattered(rng, tile, size, share):
    """Tiles at random places, until so much of the picture was drawn on."""
    width, height = size
    picture = np.full((height, width), 255, np.uint8)
    high, wide = tile.shape
    for _ in range(int(share * width * height / tile.size)):
        x, y = rng.integers(0, max(width - wide, 1)), rng.integers(0, max(height - high, 1))
        picture[y:y + high, x:x + wide] = tile[:height - y, :width - x]
    return picture


def hard_pictures(rng, pipe, size):
    """(what, picture): made to cost a reader as much as a picture can."""
    width, height = size
    grey = lambda low, high: rng.integers(low, high, (height, width)).astype(np.uint8)
    for px in (1, 2, 3, 5, 9):
        yield "finders %d px" % px, tiled(finder(px), size)
        yield "scattered finders %d px" % px, scattered(rng, finder(px), size, .5)
        yield "modules %d px" % px, tiled(np.kron(rng.integers(0, 2, (200, 200)).astype(np.uint8) * 255,
                                                 np.ones((px, px), np.uint8)), size)
        yield "stripes %d px" % px, tiled(np.repeat([0, 0, 0, 255, 0, 255], px)[None].astype(np.uint8), size)
    yield "noise", grey(0, 256)
    yield "faint noise", grey(120, 136)
    for version in (1, 7, 25, 40):
        code = cv2.resize(pipe.draw(version, "L", b"x"), None, fx=.25, fy=.25, interpolation=cv2.INTER_AREA)
        spoilt = code.copy()
        spoilt[14:-14:2, 14:-14:2] ^= 255
        yield "v%d everywhere" % version, tiled(code, size)
        yield "v%d spoilt" % version, tiled(spoilt, size)
        if version == 40 and min(size) > 400:
            large = cv2.resize(spoilt, (min(size), min(size)), interpolation=cv2.INTER_NEAREST)
            yield "one v40 spoilt", np.pad(large, ((0, height - min(size)), (0, width - min(size))),
                                           constant_values=255)
            yield "one v40 in noise", np.clip(np.pad(large, ((0, height - min(size)), (0, width - min(size))),
                                                     constant_values=255) // 2 + rng.normal(
                                                         60, 30, (height, width)), 0, 255).astype(np.uint8)


def worst(args, table):
    """The longest that any picture takes: each is shown twenty times, a little moved."""
    pipe, tally, rng = Pipe("ours"), [], np.random.default_rng(args.seed)
    pipe.tell("codes %d" % (args.grid[0] * args.grid[1]))
    for _ in range(args.worst):
        for what, picture in hard_pictures(rng, pipe, args.size):
            pipe.tell("reset")
            for shot in range(20):
                ms, way, _ = pipe.read(np.roll(picture, shot, 1))
                tally.append((ms, what))
                table.row("worst", what, shot, way, ms)
    tally.sort()
    print("worst: %dx%d, %d pictures: median %.1f ms p95 %.1f ms max %.1f ms (%s)" % (
        *args.size, len(tally), tally[len(tally) // 2][0], tally[len(tally) * 95 // 100][0], *tally[-1]))
    pipe.close()
    return True


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
    parser.add_argument("--first", type=int, default=0, help="runs until a static code is read")
    parser.add_argument("--worst", type=int, default=0, help="rounds of pictures that take long")
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
                         (args.first, first), (args.worst, worst), (args.stream, stream)):
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
