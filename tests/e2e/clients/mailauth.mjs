// mailauth's opinions and signatures, without the network.
//
//   node mailauth.mjs DIRECTORY      DIRECTORY holds node_modules (build/peers/node)
//
// One JSON document per line in, one per line out, in the same order. `raw` and `fields` are base64, `txt` is {"name": "TXT"}:
//   {"do": "sign", "raw", "keys": [{"domain", "selector", "algorithm", "pem"}], "canon", "headers"?}   -> {"fields"}
//   {"do": "verify", "raw", "txt"}                                                -> {"signatures": [{"selector", "result", "reason"}]}
//   {"do": "arc-seal", "raw", "key", "results", "cv", "time"}                     -> {"fields"}
//   {"do": "arc-verify", "raw", "txt"}                                            -> {"cv", "reason"}
//   {"do": "dmarc", "from", "spf": [domain], "dkim": [domain], "txt"}             -> {"result", "policy", "spf", "dkim"}
// What it throws is {"error"}.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

console.log = console.info = console.error; // standard output is for answers only
const require = createRequire(pathToFileURL(`${process.argv[2]}/package.json`));
const { dkimVerify } = require('mailauth/lib/dkim/verify');
const { dkimSign } = require('mailauth/lib/dkim/sign');
const { arc, sealMessage } = require('mailauth/lib/arc');
const { dmarc } = require('mailauth/lib/dmarc');

const bytes = (base64) => Buffer.from(base64, 'base64');

function resolver(txt) {
  return async (name, type) => {
    const found = txt[name.toLowerCase().replace(/\.$/, '')];
    if (type === 'TXT' && found !== undefined) return [].concat(found).map((one) => [one]);
    throw Object.assign(new Error(`no ${type} at ${name}`), { code: 'ENOTFOUND' });
  };
}

const tasks = {
  sign: async ({ raw, keys, canon, headers }) => {
    const { signatures, errors } = await dkimSign(bytes(raw), {
      canonicalization: canon,
      headerList: headers,
      signTime: new Date(),
      signatureData: keys.map(({ domain, selector, algorithm, pem }) => ({ signingDomain: domain, selector, algorithm, privateKey: pem })),
    });
    if (errors.length) throw errors[0].err ?? errors[0];
    return { fields: Buffer.from(signatures, 'binary').toString('base64') };
  },
  verify: async ({ raw, txt }) => {
    const { results } = await dkimVerify(bytes(raw), { resolver: resolver(txt) });
    return { signatures: results.map(({ selector, status }) => ({ selector, result: status.result, reason: status.comment ?? '' })) };
  },
  'arc-seal': async ({ raw, key, results, cv, time }) => {
    const fields = await sealMessage(bytes(raw), {
      signingDomain: key.domain, selector: key.selector, privateKey: key.pem, algorithm: 'rsa-sha256', authResults: results, cv, signTime: new Date(time * 1000),
    });
    return { fields: fields.toString('base64') };
  },
  'arc-verify': async ({ raw, txt }) => {
    const ask = resolver(txt);
    const { arc: chain } = await dkimVerify(bytes(raw), { resolver: ask });
    const { status } = await arc(chain, { resolver: ask });
    return { cv: status.result, reason: status.comment ?? '' };
  },
  dmarc: async ({ from, spf, dkim, txt }) => {
    const found = await dmarc({ headerFrom: from, spfDomains: spf, dkimDomains: dkim.map((domain) => ({ domain })), resolver: resolver(txt) });
    return { result: found.status.result, policy: found.policy ?? '', spf: !!found.alignment?.spf?.result, dkim: !!found.alignment?.dkim?.result };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const command = JSON.parse(line);
    answer = await tasks[command.do](command);
  } catch (error) {
    answer = { error: String(error?.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
