// The pages: messages as they flow with what is held (held_page.hpp), keys (keys_page.cpp), domains and reports (domains_page.cpp,
// charts_script.cpp), the X.400 mailbox (x400_page.hpp). HTML, style sheets and scripts are all served from the binary. No inline script
// (Content-Security-Policy).
//
// The token arrives in the address's fragment (#token=...), which browsers do not send to servers, and stays in this tab's session storage.
#include "api/api.hpp"
#include "api/domains_page.hpp"
#include "api/held_page.hpp"
#include "api/keys_page.hpp"
#include "api/x400_page.hpp"

namespace postern::api {
namespace {

constexpr std::string_view kHead = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Postern</title>
<link rel="icon" type="image/svg+xml" href="/icon.svg">
<link rel="stylesheet" href="/live.css">
</head>
<body>
<header>
  <h1>Postern <small id="host"></small></h1>
  <nav aria-label="Pages"><a href="/">Messages</a> <a href="/x400">X.400</a> <a href="/domains">Domains</a> <a href="/keys">Keys</a></nav>
  <ul id="badges" aria-label="Status"></ul>
</header>
<p id="lost" role="status" hidden></p>
<details id="warnings" hidden><summary></summary><div></div></details>
<section id="login" hidden>
  <p>This page wants the token from <code>admin.token</code> in the data directory: it shows addresses, and it can act.</p>
  <p id="refused" role="alert" hidden>That token was not accepted. <code>postern</code> and this page use the same one: the only line of <code>admin.token</code>.</p>
  <form id="token-form"><label>Token <input id="token" type="password" autocomplete="off" spellcheck="false"></label> <button>Show</button></form>
</section>
)html";

/// A small door in a wall.
constexpr std::string_view kIcon =
    R"svg(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#3b4cb8"/><path d="M5 14V7a3 3 0 0 1 6 0v7z" fill="#fff"/><circle cx="9.5" cy="10" r=".8" fill="#3b4cb8"/></svg>)svg";

constexpr std::string_view kMessagesHead = R"html(<link rel="stylesheet" href="/held.css">
<main hidden>
)html";

constexpr std::string_view kMessages =
    R"html(  <div class="stations" aria-hidden="true"><span>receive</span><span>authenticate</span><span>open</span><span>decide</span><span>seal</span><span>stamp</span><span>deliver</span></div>
  <ol id="flow" tabindex="-1" aria-live="polite" aria-label="Messages, newest first"></ol>
  <p id="empty" hidden>No message yet. The newest hundred show here as they come. To see one: <code>postern send --from alice@postern.example --to bob@postern.example --subject Hello --text Hi</code></p>
</main>
)html";

constexpr std::string_view kMessagesFoot = R"html(<footer id="footer"></footer>
<script src="/page.js"></script>
<script src="/held.js"></script>
<script src="/live.js"></script>
</body>
</html>
)html";

constexpr std::string_view kCss =
    R"css(:root { color-scheme: light dark; --bg:#f6f7f9; --card:#fff; --ink:#1a2230; --soft:#5b6675; --line:#dfe3e9; --ok:#0b7a4b; --warn:#9a5b00; --bad:#b3261e; --seal:#3b4cb8; --okbg:#e3f5ec; --warnbg:#fff1d9; --badbg:#fde7e5; --sealbg:#e8eafc; }
@media (prefers-color-scheme: dark) { :root { --bg:#11151c; --card:#1a2029; --ink:#e7ecf3; --soft:#9aa7b8; --line:#2b3440; --ok:#5fd6a0; --warn:#f2b75c; --bad:#ff8f86; --seal:#a5b0ff; --okbg:#123626; --warnbg:#3a2b10; --badbg:#421a18; --sealbg:#232a55; } }
* { box-sizing: border-box; }
body { margin:0; background:var(--bg); color:var(--ink); font:15px/1.45 system-ui, sans-serif; }
header { display:flex; flex-wrap:wrap; gap:.5rem 1.5rem; align-items:center; padding:.7rem 1rem; border-bottom:1px solid var(--line); background:var(--card); position:sticky; top:0; }
nav { display:flex; gap:.9rem; } nav a { color:var(--seal); text-decoration:none; } nav a[aria-current] { color:var(--ink); font-weight:600; text-decoration:underline; text-underline-offset:.3em; }
h1 { font-size:1.15rem; margin:0; } h1 small { color:var(--soft); font-weight:400; font-size:.9rem; }
ul#badges { list-style:none; display:flex; flex-wrap:wrap; gap:.4rem; margin:0; padding:0; }
.badge { border-radius:.8rem; display:inline-block; padding:.1rem .6rem; font-size:.82rem; overflow-wrap:anywhere; background:var(--line); }
.ok { color:var(--ok); background:var(--okbg); } .warn { color:var(--warn); background:var(--warnbg); } .bad { color:var(--bad); background:var(--badbg); } .seal { color:var(--seal); background:var(--sealbg); }
#warnings { margin:.8rem 1rem 0; padding:.5rem .9rem; border-radius:8px; color:var(--warn); background:var(--warnbg); font-size:.88rem; } #warnings summary { cursor:pointer; } #warnings p { margin:.1rem 0; overflow-wrap:anywhere; }
#lost, #refused { color:var(--bad); background:var(--badbg); border-radius:8px; padding:.5rem .9rem; } #lost { margin:.8rem 1rem 0; }
body.stale main { opacity:.6; }
main { max-width:1100px; margin:0 auto; padding:1rem; }
.stations { display:flex; gap:.25rem; color:var(--soft); font-size:.78rem; margin-bottom:.6rem; overflow:hidden; } .stations span { flex:1; text-align:center; border-bottom:2px solid var(--line); padding-bottom:.2rem; }
ol#flow { list-style:none; margin:0; padding:0; display:grid; grid-template-columns:minmax(0,1fr); gap:.6rem; }
.message { background:var(--card); border:1px solid var(--line); border-radius:10px; padding:.7rem .9rem; }
.top { display:flex; flex-wrap:wrap; gap:.3rem .8rem; align-items:baseline; } .sender { font-weight:600; overflow-wrap:anywhere; } .meta { color:var(--soft); font-size:.82rem; }
.facts { display:flex; flex-wrap:wrap; gap:.35rem; margin:.4rem 0; }
table { width:100%; border-collapse:collapse; } td { padding:.25rem .4rem .25rem 0; vertical-align:top; border-top:1px solid var(--line); overflow-wrap:anywhere; } td.state { width:9.5rem; } td.seal-of { width:15rem; } td.route { width:11rem; } .hint { font-size:.82rem; background:none; overflow-wrap:anywhere; } .meta, .reply { overflow-wrap:anywhere; } .reply { color:var(--soft); font-size:.82rem; }
#login { max-width:40rem; margin:2rem auto; padding:0 1rem; } input { font:inherit; padding:.3rem .5rem; max-width:100%; } #empty { color:var(--soft); overflow-wrap:anywhere; } button { font:inherit; padding:.3rem .8rem; }
footer { color:var(--soft); font-size:.8rem; padding:1rem; text-align:center; } code { font-size:.9em; }
@media (max-width:560px) { .stations { display:none; } header { position:static; } td, td.state, td.seal-of, td.route { display:block; border-top:0; padding:.1rem 0; width:auto; } tr { display:block; border-top:1px solid var(--line); padding:.3rem 0; } }
)css";

/// What every page does: helpers, the token, the status bar.
constexpr std::string_view kCommon = R"js('use strict';
const $ = (id) => document.getElementById(id);
const make = (tag, className, text) => { const e = document.createElement(tag); if (className) e.className = className; if (text !== undefined) e.textContent = text; return e; };
const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.get('token')) { sessionStorage.setItem('token', fragment.get('token')); history.replaceState(null, '', location.pathname); }
const token = () => sessionStorage.getItem('token') || '';

const counted = (n, one, many) => n.toLocaleString() + ' ' + (n === 1 ? one : many);
function badge(text, kind, title) { const b = make('span', 'badge ' + (kind || ''), text); if (title) b.title = title; return b; }

// Today's messages with the time, older ones with the date as well; the title has it to the second, with the zone.
function when(text) {
  const t = new Date(text), today = t.toDateString() === new Date().toDateString();
  const e = make('time', '', today ? t.toLocaleTimeString() : t.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }));
  e.dateTime = text; e.title = t.toString();
  return e;
}

let lastSeen = null;
function showLost(lost) {
  document.body.classList.toggle('stale', lost);
  $('lost').hidden = !lost;
  if (!lost) { lastSeen = new Date(); return; }
  $('lost').textContent = 'The gateway does not answer; trying again every few seconds.' + (lastSeen ? ' What stands below is from ' + lastSeen.toLocaleTimeString() + '.' : '');
}

function showStatus(s) {
  $('host').textContent = s.hostname;
  const list = [], add = (text, kind, title) => { const li = make('li'); li.append(badge(text, kind, title)); list.push(li); };
  add(s.mode, s.mode === 'production' ? 'ok' : 'warn');
  add('TLS certificate ' + s.tls.certificate.verdict, s.tls.certificate.verdict === 'valid' ? 'ok' : 'bad');
  add(s.smime.enabled ? 'S/MIME on' : 'S/MIME off', s.smime.enabled ? 'ok' : 'warn');
  add(s.openpgp.enabled ? 'OpenPGP on' : 'OpenPGP off', s.openpgp.enabled ? 'ok' : 'warn');
  const keys = s.key_engine, shut = keys.sealed ? 'keys sealed' : keys.since || keys.error ? 'key engine away' : '';
  add(shut || keys.keys + ' keys', shut ? 'bad' : 'ok', keys.error || keys.address || '');
  add(s.queue.queued + ' waiting', '', 'postern queue list --state queued');
  if (s.queue.held) add(s.queue.held + ' held', 'warn', 'postern queue list --state held');
  if (s.queue.quarantined) add(s.queue.quarantined + ' damaged', 'bad', 'postern queue list --state quarantined');
  add(s.storage.healthy ? 'storage healthy' : 'storage refuses writes', s.storage.healthy ? 'ok' : 'bad');
  $('badges').replaceChildren(...list);
  const box = $('warnings');
  if (box.hidden) box.open = window.innerWidth > 560;  // once; afterwards it is the reader's
  box.firstChild.textContent = s.warnings.length + (s.warnings.length === 1 ? ' warning' : ' warnings');
  box.lastChild.replaceChildren(...s.warnings.map((w) => make('p', '', w)));
  box.hidden = s.warnings.length === 0;
  $('footer').textContent = 'Postern ' + s.version + ' · accepted ' + s.queue.accepted + ' · delivered ' + s.queue.delivered + ' · listeners ' + s.listeners.map((l) => l.name + ' ' + l.address).join(', ');
}

async function pollStatus() {
  try { showStatus(await (await fetch('/status')).json()); showLost(false); }
  catch { $('badges').replaceChildren(make('li')); $('badges').firstChild.append(badge('gateway not reachable', 'bad')); showLost(true); }
  setTimeout(pollStatus, 3000);
}

function askForToken() {
  $('refused').hidden = token() === '';
  sessionStorage.removeItem('token');
  document.querySelector('main').hidden = true;
  $('login').hidden = false;
  $('token').focus();
}

function onToken(go) {
  $('token-form').addEventListener('submit', (event) => { event.preventDefault(); sessionStorage.setItem('token', $('token').value.trim()); go(); });
}

// A request to the API. What is thrown says whether the token was refused (token) or the gateway refused it in words of its own (said, status).
async function request(method, path, body) {
  const headers = { Authorization: 'Bearer ' + token() };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (response.status === 401) throw Object.assign(new Error('token'), { token: true });
  if (!response.ok) throw Object.assign(new Error((await response.json()).detail || response.statusText), { said: true, status: response.status });
  return response;
}
const call = async (method, path, body) => (await request(method, path, body)).json();

// What is drawn already is left alone until it changes: nobody loses his place.
const drawn = {};
function isNew(what, value) {
  const text = JSON.stringify(value);
  if (drawn[what] === text) return false;
  drawn[what] = text;
  return true;
}

const opened = new Set();
// Details that stay open when they are drawn anew.
function fold(name, summary, content) {
  const box = make('details');
  box.append(make('summary', '', summary), content);
  box.open = opened.has(name);
  box.addEventListener('toggle', () => { if (box.open) opened.add(name); else opened.delete(name); });
  return box;
}

for (const link of document.querySelectorAll('nav a')) if (link.pathname === location.pathname) link.setAttribute('aria-current', 'page');
pollStatus();
)js";

constexpr std::string_view kScript = R"js('use strict';
// What the queue calls it, in an operator's words, and what can be done about it (ID is the message's).
const states = {
  delivered: { word: 'delivered', kind: 'ok' },
  queued: { word: 'waiting', kind: '' },
  held: { word: 'held', kind: 'warn', hint: 'Waits for you: postern queue release ID, or postern queue delete ID' },
  bounced: { word: 'returned to sender', kind: 'bad' },
  expired: { word: 'given up', kind: 'bad' },
  quarantined: { word: 'damaged, kept back', kind: 'bad', hint: 'The stored copy failed its integrity check and is never delivered: postern queue show ID' },
  removed: { word: 'deleted by hand', kind: '' },
};

function sealText(seal) {
  if (!seal || seal === 'none') return 'not sealed';
  return seal.replace(/smime/g, 'S/MIME').replace(/openpgp/g, 'OpenPGP').replace('sign+encrypt', 'signed, encrypted').replace(/ encrypt$/, ' encrypted').replace(/ sign$/, ' signed');
}

function facts(message) {
  const f = message.facts || {}, line = make('div', 'facts');
  line.append(badge(f.door + (f.protocol ? ' · ' + f.protocol : '')));
  if (f.door !== 'report') line.append(f.tls ? badge(f.tls, 'ok') : badge('in clear', 'warn'));
  if (f.user) line.append(badge('login ' + f.user, 'ok'));
  if (f.protection) line.append(badge('arrived ' + f.protection.replace(/_/g, ' '), 'seal'));
  if (f.opened) line.append(badge(f.opened, /invalid|failed/.test(f.opened) ? 'bad' : 'seal'));
  if (f.rule) line.append(badge('rule ' + f.rule));
  const verdict = (name, result, title) => line.append(badge(name + ' ' + result, result === 'pass' ? 'ok' : /fail|error/.test(result) ? 'bad' : '', title));
  if (f.spf) verdict('SPF', f.spf, 'whether the client may send for the envelope sender\'s domain');
  if (f.dkim_result) verdict('DKIM', f.dkim_result, 'signatures of the message');
  if (f.dmarc) verdict('DMARC', f.dmarc, 'whether one of both is the author\'s: ' + (f.author_domain || 'no author'));
  if (f.arc && f.arc !== 'none') verdict('ARC', f.arc, f.arc_trusted ? 'the chain is believed and makes up for DMARC' : 'what those before us saw');
  if (f.arc_trusted) line.append(badge('ARC believed', 'ok'));
  if (f.iprev) line.append(badge('iprev ' + f.iprev, f.iprev === 'pass' ? 'ok' : 'warn', f.reverse_name || 'the client\'s address has no name'));
  if (f.verdict_rule) line.append(badge('verdict rule ' + f.verdict_rule));
  for (const label of (f.label || '').split(' | ').filter(Boolean)) line.append(badge('label ' + label, 'warn'));
  if (f.dkim) line.append(badge('signed DKIM ' + f.dkim, 'ok'));
  return line;
}

// "TLSv1.3 verified by DANE (3 1 1), not revoked (OCSP)": why the connection was trusted, and what is known of the certificate's revocation.
function roadBadges(road) {
  const comma = road.indexOf(', '), trust = comma < 0 ? road : road.slice(0, comma), revocation = comma < 0 ? '' : road.slice(comma + 2);
  const sure = /verified/.test(trust) && !/unverified|exception/.test(road);
  const out = [badge(trust, sure ? 'ok' : 'warn', 'why the connection was trusted')];
  if (revocation) out.push(' ', badge(revocation, /^not revoked/.test(revocation) ? 'ok' : 'warn', 'of the certificate'));
  return out;
}

function recipient(r, id) {
  const row = make('tr'), s = states[r.state] || { word: r.state, kind: '' };
  const state = make('td', 'state'); state.append(badge(s.word + (r.state === 'queued' && r.attempts ? ', tried ' + r.attempts + '×' : ''), s.kind, r.state)); row.append(state);
  const who = make('td'); who.append(make('div', '', r.address)); if (r.reply) who.append(make('div', 'reply', r.reply));
  if (s.hint) who.append(make('div', 'hint ' + s.kind, s.hint.replaceAll('ID', id)));
  if (r.advice) who.append(make('div', 'hint warn', r.advice + '.'));
  row.append(who);
  const seal = make('td', 'seal-of'); if (r.seal !== 'held') seal.append(badge(sealText(r.seal), r.seal && r.seal !== 'none' && !r.seal.startsWith('refused') ? 'seal' : '')); row.append(seal);
  const way = make('td', 'reply route', r.route);
  if (r.road) { const trust = make('div'); trust.append(...roadBadges(r.road)); way.append(trust); }
  row.append(way);
  return row;
}

function card(message) {
  const item = make('li', 'message'), top = make('div', 'top');
  top.append(make('span', 'sender', message.sender || 'delivery report (from <>)'));
  const meta = make('span', 'meta'); meta.append(when(message.accepted), ' · ' + message.size.toLocaleString() + ' bytes · ' + message.id); top.append(meta);
  const table = make('table'), body = make('tbody');
  for (const r of message.recipients) body.append(recipient(r, message.id));
  table.append(body);
  item.append(top, facts(message), table);
  if (message.more_recipients) item.append(make('p', 'meta', 'and ' + counted(message.more_recipients, 'more recipient', 'more recipients') + ': postern queue show ' + message.id));
  if (message.recipients.some(isKept)) item.append(decideButton('flow', message.id, message.sender, message.recipients));
  return item;
}

function showFlow(data) {
  showLost(false);
  document.querySelector('main').hidden = false;
  keepFocus(() => $('flow').replaceChildren(...data.messages.map(card)));
  heldStale = true;
  $('empty').hidden = data.messages.length > 0;
}

async function follow() {
  try {
    me = await call('GET', '/api/v1/operator');
    const response = await fetch('/api/v1/events', { headers: { Authorization: 'Bearer ' + token() } });
    if (response.status === 401) return askForToken();
    $('login').hidden = true;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let buffer = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      buffer += value;
      for (let end; (end = buffer.indexOf('\n\n')) >= 0; buffer = buffer.slice(end + 2)) {
        const data = buffer.slice(0, end).split('\n').filter((l) => l.startsWith('data:')).map((l) => l.slice(5).trimStart()).join('\n');
        if (data) showFlow(JSON.parse(data));
      }
    }
  } catch (error) {
    if (error.token) return askForToken();
    if (error.said) $('login').hidden = true;  // a sealed key engine, which the status bar tells of
    /* or the gateway went away: try again below */
  }
  setTimeout(follow, 2000);
}

onToken(follow);
follow();
)js";

using Plain = std::function<http::Response(const http::Request&)>;

}  // namespace

void add_page_routes(const Routes& routes) {
  auto& router = routes.router;
  const auto page = [&](const char* path, std::string html) {
    router.add("GET", path, Plain([html = std::move(html)](const http::Request&) { return http::page_response(html); }));
  };
  const auto asset = [&](const char* name, std::string_view text) {
    router.add("GET", std::string("/") + name,
               Plain([name, text](const http::Request&) { return http::asset_response(name, std::string(text), false); }));
  };
  page("/", std::string(kHead) + std::string(kMessagesHead) + std::string(kHeldList) + std::string(kMessages) + std::string(kHeldDialog) +
                std::string(kMessagesFoot));
  page("/keys", std::string(kHead) + std::string(kKeysBody));
  page("/domains", std::string(kHead) + std::string(kDomainsBody));
  page("/x400", std::string(kHead) + std::string(kX400Body));
  asset("icon.svg", kIcon);
  asset("live.css", kCss);
  asset("page.js", kCommon);
  asset("live.js", kScript);
  asset("held.css", kHeldCss);
  asset("held.js", kHeldScript);
  asset("keys.css", kKeysCss);
  asset("keys.js", kKeysScript);
  asset("domains.css", kDomainsCss);
  asset("domains.js", kDomainsScript);
  asset("charts.js", kChartsScript);
  asset("x400.css", kX400Css);
  asset("x400.js", kX400Script);
  asset("x400_message.js", kX400MessageScript);
  asset("x400_acts.js", kX400ActsScript);
  asset("x400_write.js", kX400WriteScript);
}

}  // namespace postern::api
