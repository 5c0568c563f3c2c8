// Verifies recorded responses with http-message-signatures of npm; each is also changed once, and then refused.
'use strict';

const { createPublicKey } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { createVerifier, httpbis } = require('http-message-signatures');

const record = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const keys = new Map(record.keys.map(({ id, algorithm, jwk }) => {
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return [id, { id, algs: [algorithm], verify: createVerifier(key, algorithm) }];
}));

// Lines of one name are an array, as node has them.
function fields(lines, change) {
  const all = {};
  for (const [name, value] of lines) {
    (all[name] ??= []).push(change ? change(name, value) : value);
  }
  return all;
}

function verify(exchange, change) {
  const request = { method: exchange.method, url: exchange.url, headers: fields(exchange.request_fields) };
  const response = { status: exchange.status, headers: fields(exchange.fields, change) };
  const keyLookup = async ({ keyid, tag }) => (tag === exchange.tag ? keys.get(keyid) ?? null : null);
  // Where a field is bound to the request the library wants the request; a clock that is one second apart is none.
  return httpbis.verifyMessage({ keyLookup, tolerance: 2 }, response, request);
}

async function main() {
  let [verified, refused] = [0, 0];
  const faults = [];
  for (const exchange of record.exchanges) {
    const name = `${exchange.name} (${exchange.version})`;
    try {
      if (await verify(exchange) !== true) throw new Error('not verified');
      verified += 1;
    } catch (error) {
      faults.push(`${name}: ${error}`);
      continue;
    }
    const input = exchange.fields.find(([field]) => field === 'signature-input')[1];
    const target = exchange.fields.map(([field]) => field).find((field) => input.includes(`"${field}"`));
    if (target === undefined) continue;
    const held = await verify(exchange, (field, value) => (field === target ? `${value}x` : value))
      .catch(() => false);
    if (held) faults.push(`${name}: verified with another ${target}`);
    else refused += 1;
  }
  console.log(`http-message-signatures of npm: ${verified} verified, ${refused} refused when changed, ${faults.length} faults`);
  for (const fault of faults.slice(0, 20)) console.error(fault);
  if (faults.length > 0 || verified < 200 || refused < 150) {
    console.error(`wanted 200 verified and 150 refused without a fault, found ${verified} and ${refused}`);
    process.exitCode = 1;
  }
}

main();
