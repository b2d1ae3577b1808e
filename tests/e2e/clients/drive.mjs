// Drives one stranger's client of the Vault API as its users do: by its own methods.
//
//   node drive.mjs CLIENT DIRECTORY      DIRECTORY holds node_modules (build/peers/node)
//
// One JSON document per line in, one per line out, in the same order:
//   {"open": {...}}                          settings of the client (endpoint, token, auth)      -> {"value": null}
//   {"set": {"token": "..."}}                properties of the client object                     -> {"value": null}
//   {"call": "kv2.read", "args": [...]}      a method, by its dotted name                        -> {"value": ...}
// A failure is {"error": {"name", "message", "status", "body"}}, as far as the client tells.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [client, directory] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${directory}/package.json`));
const load = async (name) => {
  const module = await import(pathToFileURL(require.resolve(name)));
  return module.default ?? module;
};

// Some clients print: standard output is for answers only.
console.log = console.info = console.debug = console.error;

// How each client is made, what its methods give back, and where it hides the server's status.
const CLIENTS = {
  'node-vault': {
    open: async ({ endpoint, token }) => (await load('node-vault'))({ endpoint, token }),
    value: (answer) => answer,
    failure: (error) => ({ status: error.response?.statusCode, body: error.response?.body }),
  },
  '@litehex/node-vault': {
    open: async ({ endpoint, token }) => new (await load('@litehex/node-vault')).Client({ endpoint, token }),
    value: ({ data, error }) => {
      if (error) throw error;
      return data;
    },
    failure: ({ cause }) => (cause instanceof Response ? { status: cause.status } : { body: cause?.message ?? cause }),
  },
  'hashi-vault-js': {
    open: async ({ endpoint }) => new (await load('hashi-vault-js'))({ baseUrl: `${endpoint}/v1`, timeout: 20000 }),
    value: (answer) => answer,
    failure: (error) => ({ status: error.response?.status, body: error.response?.data }),
  },
  'node-vault-client': {
    open: async ({ endpoint, auth }) => new (await load('node-vault-client'))({ api: { url: endpoint }, auth, logger: false }),
    value: (answer) => (typeof answer?.getData === 'function' ? { data: answer.getData(), renewable: answer.isRenewable() } : answer),
    failure: (error) => ({ status: error.statusCode, body: error.error }),
  },
};

const adapter = CLIENTS[client];
if (!adapter) throw new Error(`no client ${client}; there are ${Object.keys(CLIENTS).join(', ')}`);
let opened;

async function call(name, args) {
  const path = name.split('.');
  const method = path.pop();
  const owner = path.reduce((object, part) => object[part], opened);
  if (typeof owner?.[method] !== 'function') throw new Error(`${client} has no method ${name}`);
  return adapter.value(await owner[method](...args)) ?? null;
}

async function carryOut(command) {
  if (command.open) opened = await adapter.open(command.open);
  if (command.set) Object.assign(opened, command.set);
  return command.call ? call(command.call, command.args ?? []) : null;
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = { value: await carryOut(JSON.parse(line)) };
  } catch (error) {
    answer = { error: { name: error?.constructor?.name ?? typeof error, message: String(error?.message ?? error), ...adapter.failure(error ?? {}) } };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0); // timers of a client (token renewal) must not keep the process
