// SPDX-License-Identifier: Apache-2.0
// npm's @ngraveio/bc-ur against lib/ur: each reads what the other writes.  CSN_NPM is the
// node_modules folder that holds it, the argument the ur-pipe program.
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.CSN_NPM, "x.js"));
const { UR, UREncoder, URDecoder } = require("@ngraveio/bc-ur");
const pipe = process.argv[2];
let failed = 0, count = 0;

function check(good, what) {
	console.log(`${good ? "ok" : "not ok"} ${++count} - ${what}`);
	failed += good ? 0 : 1;
}

for (const [bytes, piece, first] of [
	[20, 100, 0], [1000, 100, 0], [1000, 100, 50], [32767, 1000, 100],
	[262144, 1000, 0], [262144, 1000, 700], [262144, 200, 3000]]) {
	const ur = UR.fromBuffer(randomBytes(bytes));
	const encoder = new UREncoder(ur, piece, first);
	const pieces = encoder.fragmentsLength;
	const lines = [];
	for (let i = 0; i < Math.ceil(pieces * 1.1) + 12; i++)
		lines.push(encoder.nextPart());
	const out = spawnSync(pipe, ["take"], { input: lines.join("\n") + "\n", maxBuffer: 1 << 24 });
	check(out.stdout.equals(ur.cbor), `theirs, ${bytes} bytes in pieces of ${piece} from part ` +
		`${first + 1} on: ${out.stderr.toString().trim()}`);
}

for (const [bytes, piece, first] of [[20, 100, 1], [1000, 100, 1], [5000, 100, 60], [32767, 1000, 1]]) {
	const ur = UR.fromBuffer(randomBytes(bytes));
	const out = spawnSync(pipe, ["make", "bytes", String(piece), String(first), "1000"],
		{ input: ur.cbor, maxBuffer: 1 << 26 });
	const decoder = new URDecoder();
	let parts = 0;
	for (const line of out.stdout.toString().trim().split("\n")) {
		decoder.receivePart(line);
		parts++;
		if (decoder.isComplete())
			break;
	}
	check(decoder.isSuccess() && decoder.resultUR().cbor.equals(ur.cbor),
		`ours, ${bytes} bytes in pieces of ${piece} from part ${first} on: they need ${parts} parts`);
}
console.log(`1..${count}`);
process.exit(failed ? 1 : 0);
