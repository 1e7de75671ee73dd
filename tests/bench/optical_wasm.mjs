// SPDX-License-Identifier: Apache-2.0
// npm's zxing-wasm as a peer of the optical bench: the commands "reader", "reset" and
// "frame" of optical_pipe.c.  CSN_NPM is the node_modules folder that holds it.
import { readFileSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const base = join(process.env.CSN_NPM, "zxing-wasm");
const { prepareZXingModule, readBarcodes } = await import(
	pathToFileURL(join(base, "dist/es/reader/index.js")));
await prepareZXingModule({
	overrides: { wasmBinary: readFileSync(join(base, "dist/reader/zxing_reader.wasm")) },
	fireImmediately: true,
});

let pending = Buffer.alloc(0);

function more() {
	const chunk = Buffer.alloc(1 << 20);
	const count = readSync(0, chunk, 0, chunk.length, null);
	pending = Buffer.concat([pending, chunk.subarray(0, count)]);
	return count > 0;
}

function line() {
	let end;
	while ((end = pending.indexOf(10)) < 0)
		if (!more())
			return null;
	const text = pending.subarray(0, end).toString("latin1");
	pending = pending.subarray(end + 1);
	return text;
}

function bytes(count) {
	while (pending.length < count)
		if (!more())
			throw new Error("the picture was cut short");
	const out = pending.subarray(0, count);
	pending = pending.subarray(count);
	return out;
}

async function frame(width, height) {
	const grey = bytes(width * height);
	const data = new Uint8ClampedArray(width * height * 4);
	for (let i = 0; i < grey.length; i++)
		data.fill(grey[i], 4 * i, 4 * i + 3);
	const start = process.cpuUsage();
	const found = await readBarcodes({ data, width, height },
		{ formats: ["QRCode"], maxNumberOfSymbols: 1 });
	const spent = process.cpuUsage(start);
	const ms = (spent.user + spent.system) / 1000;
	const payloads = found.filter((code) => code.isValid)
		.map((code) => " " + Buffer.from(code.bytes).toString("hex"));
	writeSync(1, ms.toFixed(3) + " wasm" + payloads.join("") + "\n");
}

for (let text; (text = line()) !== null;) {
	const [command, width, height] = text.split(" ");
	if (command === "frame")
		await frame(Number(width), Number(height));
}
