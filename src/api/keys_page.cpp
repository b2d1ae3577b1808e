#include "api/keys_page.hpp"

namespace postern::api {

const std::string_view kKeysBody = R"html(<link rel="stylesheet" href="/keys.css">
<main hidden>
  <section id="engine" aria-label="Key engine"></section>
  <p id="acted" role="status" hidden></p>
  <h2>Keys of the mail system</h2>
  <ul id="keys" class="keys"></ul>
  <details id="more" hidden><summary></summary><ul id="others" class="keys"></ul></details>
</main>
<dialog id="ask" aria-labelledby="ask-title">
  <form method="dialog">
    <h2 id="ask-title"></h2>
    <p id="ask-text"></p>
    <menu><button value="">Cancel</button><button id="ask-go" value="go">Rotate</button></menu>
  </form>
</dialog>
<footer id="footer"></footer>
<script src="/page.js"></script>
<script src="/keys.js"></script>
</body>
</html>
)html";

const std::string_view kKeysCss = R"css(h2 { font-size:1rem; margin:1.2rem 0 .5rem; }
#engine { background:var(--card); border:1px solid var(--line); border-radius:10px; padding:.7rem .9rem; display:flex; flex-wrap:wrap; gap:.4rem .8rem; align-items:center; }
#engine .advice { flex-basis:100%; color:var(--bad); overflow-wrap:anywhere; }
ul.keys { list-style:none; margin:0; padding:0; display:grid; grid-template-columns:repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap:.7rem; }
.key { background:var(--card); border:1px solid var(--line); border-radius:10px; padding:.7rem .9rem; display:grid; gap:.45rem; align-content:start; min-width:0; }
.key h3 { font-size:1rem; margin:0; overflow-wrap:anywhere; } .key .type { color:var(--soft); font-size:.82rem; }
.key .line { display:grid; grid-template-columns:6.5rem minmax(0, 1fr); gap:.2rem .6rem; font-size:.88rem; } .key .line > :first-child { color:var(--soft); }
.key meter, .key progress { width:100%; height:.8rem; } .key .note { color:var(--soft); font-size:.82rem; overflow-wrap:anywhere; }
.key code { display:block; overflow-wrap:anywhere; background:var(--bg); border-radius:6px; padding:.35rem .5rem; font-size:.8rem; }
.key button { justify-self:start; } .key table { font-size:.82rem; } .key td { padding:.15rem .5rem .15rem 0; display:table-cell; } .key tr { display:table-row; } .key details summary { cursor:pointer; font-size:.88rem; color:var(--soft); }
#more { margin-top:1rem; } #more summary { cursor:pointer; color:var(--soft); margin-bottom:.5rem; }
#acted { border-radius:8px; padding:.5rem .9rem; } button { border:1px solid var(--line); border-radius:7px; background:var(--bg); color:var(--ink); cursor:pointer; } #ask-go { background:var(--seal); color:var(--card); border-color:var(--seal); }
dialog { border:1px solid var(--line); border-radius:12px; background:var(--card); color:var(--ink); max-width:min(30rem, calc(100vw - 2rem)); } dialog::backdrop { background:rgb(0 0 0 / 45%); } dialog h2 { margin-top:0; overflow-wrap:anywhere; } menu { display:flex; gap:.6rem; justify-content:flex-end; padding:0; margin:1rem 0 0; }
)css";

const std::string_view kKeysScript = R"js('use strict';
const roles = {
  storage: { word: 'stored mail', order: 0, ask: 'Stored mail is re-wrapped under the new version in the background. Older versions go on opening what was copied before.' },
  dkim: { word: 'DKIM signatures', order: 1, ask: 'A new version is made and announced. It signs when its record is seen in DNS; until then the one in use goes on.' },
  api: { word: 'signed API requests', order: 2, ask: 'What is signed from now on carries the new version.' },
  wrapping: { word: 'OpenPGP secret keys', order: 3, ask: 'The OpenPGP secret keys move under the new version at once.' },
  server: { word: 'listeners\' certificate', order: 4, ask: 'The built-in CA issues a new certificate for the listeners. Pins of the old public key break.' },
  identity: { word: 'a person', order: 5, ask: 'Correspondents need the new certificate; what they sealed for the old one still opens.' },
  authority: { word: 'built-in CA', order: 6 },
  other: { word: 'not the mail system\'s', order: 7, ask: 'Whoever uses this key encrypts and signs with the new version from now on.' },
};

const days = (seconds) => seconds < 7200 ? Math.round(seconds / 60) + ' min' : seconds < 172800 ? Math.round(seconds / 3600) + ' hours' : Math.floor(seconds / 86400) + ' days';
const date = (text) => { const e = make('time', '', new Date(text).toLocaleDateString(undefined, { dateStyle: 'medium' })); e.dateTime = text; e.title = new Date(text).toString(); return e; };

function line(label, ...content) { const l = make('div', 'line'), v = make('span'); v.append(...content); l.append(make('span', '', label), v); return l; }

function uses(key) {
  if (!key.max_uses) return [key.uses.toLocaleString()];
  const bar = make('meter');
  bar.min = 0; bar.max = key.max_uses; bar.high = key.max_uses * 0.75; bar.optimum = 0; bar.value = key.uses;
  bar.title = key.uses.toLocaleString() + ' of ' + key.max_uses.toLocaleString();
  return [bar, make('div', 'note', key.uses.toLocaleString() + ' of ' + key.max_uses.toLocaleString())];
}

function rotation(key) {
  const r = key.rotation;
  if (!r.next) return [make('span', '', r.note || 'never')];
  const late = new Date(r.next) <= new Date();
  return [late ? badge('due now', 'warn', r.next) : date(r.next), r.note ? make('span', 'note', ' ' + r.note) : ''];
}

function rewrapped(run) {
  const bar = make('progress'), of = run.done + run.failed;
  bar.max = Math.max(1, run.total); bar.value = run.finished ? bar.max : of;
  const out = [bar, make('div', 'note', (run.finished ? 'all done: ' : '') + of.toLocaleString() + ' of ' + run.total.toLocaleString() + ' messages under version ' + run.target)];
  if (run.failed) out.push(badge(run.failed + ' could not be re-wrapped', 'bad', 'postern key show names them'));
  return out;
}

function versions(key) {
  const table = make('table'), body = make('tbody');
  for (const v of [...key.versions].reverse()) {
    const row = make('tr');
    row.append(make('td', '', 'v' + v.version), make('td', '', days(v.age_seconds) + ' old'), make('td', '', v.uses.toLocaleString() + ' uses'));
    body.append(row);
  }
  table.append(body);
  return fold(key.name, key.versions.length + (key.versions.length === 1 ? ' version' : ' versions'), table);
}

function announced(key) {
  const out = [];
  for (const record of (key.dns || []).filter((r) => r.state === 'announced')) {
    out.push(make('div', 'note', 'Publish this record; version ' + record.version + ' signs when it is seen there:'), make('code', '', (record.at || record.name) + ' IN TXT "' + record.value + '"'));
    if (record.at) out.push(make('div', 'note', 'It is found by this one, which the zone of the domain has once and for all:'), make('code', '', record.name + ' IN CNAME ' + record.at));
  }
  for (const record of key.dns || []) {
    const place = record.at || record.name;
    if (record.state === 'seen') out.push(make('div', 'note', 'DNS has the record of version ' + record.version + ', which signs from '), date(record.until));
    if (record.state === 'retiring') out.push(make('div', 'note', 'Must stay in DNS for mail that version ' + record.version + ' signed, until '), date(record.until), make('code', '', place));
    if (record.state === 'withdrawn') out.push(make('div', 'note', 'Take the TXT record of version ' + record.version + ' out of DNS now, if it is there:'), make('code', '', place));
  }
  return out;
}

function card(key) {
  const item = make('li', 'key'), role = roles[key.role] || roles.other, used = key.versions.find((v) => v.version === key.active_version);
  item.dataset.key = key.name;
  item.append(make('h3', '', key.name), make('div', 'type', key.type + ' · ' + role.word));
  const version = [make('span', '', 'v' + key.active_version + (used ? ', ' + days(used.age_seconds) + ' old' : ''))];
  if (key.active_version < key.latest_version) version.push(' ', badge('v' + key.latest_version + ' announced', 'warn'));
  if (key.min_decryption_version > 1) version.push(make('div', 'note', 'versions below ' + key.min_decryption_version + ' are archived'));
  item.append(line('Version', ...version), line('Uses', ...uses(key)), line('Next rotation', ...rotation(key)));
  if (key.rewrap) item.append(line('Re-wrapped', ...rewrapped(key.rewrap)));
  item.append(...announced(key), versions(key));
  if (role.ask) {
    const button = make('button', '', 'Rotate…');
    button.addEventListener('click', () => ask(key.name, role.ask));
    item.append(button);
  }
  return item;
}

function ask(name, text) {
  const dialog = $('ask');
  $('ask-title').textContent = 'Rotate ' + name + '?';
  $('ask-text').textContent = text;
  // Not by the dialog's close event: that comes late, and one of an earlier question would be taken for this one's.
  $('ask-go').onclick = () => rotate(name);
  dialog.showModal();
}

function say(text, kind) { $('acted').textContent = text; $('acted').className = kind; $('acted').hidden = false; }

async function rotate(name) {
  try {
    const key = await call('POST', '/api/v1/keys/' + encodeURIComponent(name) + '/rotate');
    say(name + ' has version ' + key.latest_version + (key.active_version < key.latest_version ? ', announced' : ''), 'ok');
  } catch (error) { say(name + ' was not rotated: ' + error.message, 'bad'); }
  load();
}

function showEngine(e) {
  const out = [make('strong', '', 'Key engine'), e.sealed ? badge('sealed', 'bad') : badge('open', 'ok')];
  if (e.initialized === false) out.push(badge('not initialized', 'bad'));
  if (e.seal) out.push(badge('seal: ' + e.seal));
  if (e.shares && e.sealed) out.push(badge(e.shares.given + ' of ' + e.shares.threshold + ' shares', 'warn'));
  for (const device of e.audit || []) out.push(badge('audit: ' + device.type, '', device.place));
  if (e.audit && e.audit.length === 0) out.push(badge('no audit', 'warn'));
  if (e.next_rotation) { const next = make('span', 'meta', 'next rotation '); next.append(date(e.next_rotation)); out.push(next); }
  if (e.advice || e.error) out.push(make('div', 'advice', e.advice || e.error));
  $('engine').replaceChildren(...out);
}

async function load() {
  let status;
  try { status = await (await fetch('/status')).json(); } catch { return; }  // the status bar says so
  showEngine(status.key_engine);
  try {
    const keys = (await call('GET', '/api/v1/keys')).keys;
    $('login').hidden = true;
    document.querySelector('main').hidden = false;
    const order = (k) => (roles[k.role] || roles.other).order;
    keys.sort((a, b) => order(a) - order(b) || a.name.localeCompare(b.name));
    const others = keys.filter((k) => order(k) >= 5);
    $('keys').replaceChildren(...keys.filter((k) => order(k) < 5).map(card));
    $('more').hidden = others.length === 0;
    $('more').firstElementChild.textContent = others.length + ' more: keys of people, of the built-in CA, of other users of the engine';
    $('others').replaceChildren(...others.slice(0, 500).map(card));
  } catch (error) {
    if (error.token) return askForToken();
    if (error.said) { document.querySelector('main').hidden = false; $('login').hidden = true; }
  }
}

async function follow() {
  await load();
  if ($('login').hidden) setTimeout(follow, 3000);
}

onToken(follow);
follow();
)js";

}  // namespace postern::api
