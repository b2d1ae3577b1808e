#include "api/domains_page.hpp"

namespace postern::api {

const std::string_view kDomainsBody = R"html(<link rel="stylesheet" href="/domains.css">
<main hidden>
  <div class="bar"><h2>DNS of our domains</h2><button id="look">Look again</button><span id="looked" role="status"></span></div>
  <p id="unlooked" class="quiet" hidden>Nothing was looked at yet; in mode development the daemon does not look by itself. “Look again” asks DNS as a stranger would.</p>
  <div id="domains" class="cards"></div>
  <h2>Kept by the daemon itself</h2>
  <div class="cards"><section id="tlsa" class="card" aria-label="TLSA records"></section><section id="zones" class="card" aria-label="Zones"></section></div>
  <h2>Reports</h2>
  <form id="which">
    <label>Time <select id="days"><option value="7">7 days</option><option value="30" selected>30 days</option><option value="90">90 days</option></select></label>
    <label>Reports about <select id="domain"><option value="">all domains</option></select></label>
    <label><input type="checkbox" id="vouched"> only those whose mail passed DMARC</label>
  </form>
  <p id="partly" class="quiet" hidden></p>
  <p id="unread" role="alert" hidden></p>
  <h3>DMARC: mail in our name, as others saw it</h3>
  <div id="dmarc" class="charts"></div>
  <h3>TLS: others’ sessions with our hosts, as they reported them</h3>
  <div id="tls" class="charts"></div>
  <h3>TLS: our sessions with other domains’ hosts</h3>
  <div id="sessions" class="charts"></div>
  <h3>Received, newest first</h3>
  <div id="received"></div>
</main>
<footer id="footer"></footer>
<script src="/page.js"></script>
<script src="/charts.js"></script>
<script src="/domains.js"></script>
</body>
</html>
)html";

const std::string_view kDomainsCss = R"css(h2 { font-size:1.05rem; margin:1.4rem 0 .5rem; } h3 { font-size:.95rem; margin:1.1rem 0 .4rem; }
.bar { display:flex; flex-wrap:wrap; gap:.4rem .9rem; align-items:center; } .bar h2 { margin:.3rem 0; }
button, select { font:inherit; max-width:100%; border:1px solid var(--line); border-radius:7px; background:var(--card); color:var(--ink); padding:.25rem .6rem; } button { cursor:pointer; } button:disabled { opacity:.6; cursor:default; }
.quiet, #looked { color:var(--soft); overflow-wrap:anywhere; } #unread { color:var(--bad); background:var(--badbg); border-radius:8px; padding:.5rem .9rem; overflow-wrap:anywhere; }
.cards { display:grid; grid-template-columns:repeat(auto-fill, minmax(min(100%, 28rem), 1fr)); gap:.7rem; margin:.5rem 0; align-items:start; }
.card, .chart, .report { background:var(--card); border:1px solid var(--line); border-radius:10px; padding:.7rem .9rem; min-width:0; margin:0; }
.card h3 { margin:0 0 .3rem; display:flex; flex-wrap:wrap; gap:.3rem .6rem; align-items:center; overflow-wrap:anywhere; min-width:0; } .card p { margin:.25rem 0; overflow-wrap:anywhere; }
.finding { border-top:1px solid var(--line); padding:.45rem 0; min-width:0; } .finding .name { font-weight:600; overflow-wrap:anywhere; } .finding .top { gap:.3rem .5rem; }
.record { display:grid; grid-template-columns:6.5rem minmax(0, 1fr); gap:.2rem .6rem; font-size:.85rem; margin:.2rem 0; } .record > :first-child { color:var(--soft); } .record code, .report pre { overflow-wrap:anywhere; background:var(--bg); border-radius:6px; padding:.2rem .45rem; }
details summary { cursor:pointer; } .card details summary, .chart details summary { color:var(--soft); font-size:.88rem; } ul.right { margin:.3rem 0; padding-left:1.1rem; font-size:.85rem; overflow-wrap:anywhere; }
#which { display:flex; flex-wrap:wrap; gap:.5rem 1.2rem; align-items:center; }
.charts { display:grid; grid-template-columns:repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap:.7rem; align-items:start; }
.chart figcaption { display:flex; flex-wrap:wrap; gap:.1rem .6rem; align-items:baseline; margin-bottom:.4rem; overflow-wrap:anywhere; } .legend { margin-left:auto; font-size:.82rem; color:var(--soft); white-space:nowrap; }
.swatch { display:inline-block; width:.7rem; height:.7rem; border-radius:2px; margin:0 .3rem 0 .6rem; } .swatch.good { background:var(--seal); } .swatch.bad { background:var(--bad); }
svg.bars { display:block; width:100%; height:8rem; border-bottom:1px solid var(--line); } svg.bar-of { display:block; width:100%; min-width:3rem; height:.8rem; }
svg .good { fill:var(--seal); } svg .bad { fill:var(--bad); } svg .any { fill:transparent; } svg g:hover .any { fill:var(--line); }
.axis { display:flex; flex-wrap:wrap; justify-content:space-between; gap:0 .8rem; color:var(--soft); font-size:.78rem; margin:.2rem 0 .3rem; }
.chart table, .report table { font-size:.85rem; } caption { text-align:left; color:var(--soft); font-size:.82rem; padding:.3rem 0; } th { text-align:left; font-weight:600; padding:.25rem .4rem .25rem 0; overflow-wrap:anywhere; } tbody th { font-weight:400; border-top:1px solid var(--line); }
.chart td, .chart th { display:table-cell; width:auto; padding:.2rem .5rem .2rem 0; border-top:1px solid var(--line); } .chart thead th { border-top:0; } .chart tr { display:table-row; } .chart .table { max-height:16rem; overflow:auto; }
.report { margin:.5rem 0; padding:.5rem .9rem; } .report summary { overflow-wrap:anywhere; } .report summary > * { margin-right:.5rem; } .report pre { max-height:24rem; overflow:auto; white-space:pre-wrap; font-size:.8rem; }
)css";

const std::string_view kDomainsScript = R"js('use strict';
const kinds = {
  mx: 'MX', address: 'Address', spf: 'SPF', 'dkim-alias': 'DKIM alias', dkim: 'DKIM', dmarc: 'DMARC', 'mta-sts': 'MTA-STS', 'mta-sts-host': 'MTA-STS host',
  'tls-rpt': 'TLS reports', tlsa: 'TLSA', caa: 'CAA', service: 'Mail programs', openpgpkey: 'OpenPGP key', smimea: 'S/MIME certificate',
};

function record(label, text) { const line = make('div', 'record'); line.append(make('span', '', label), make('code', '', text)); return line; }

function finding(f) {
  const box = make('div', 'finding'), top = make('div', 'top');
  top.append(badge(f.standing, f.right ? (f.standing === 'ok' ? 'ok' : 'warn') : 'bad'), make('span', 'name', f.name + ' ' + f.type), make('span', 'meta', kinds[f.kind] || f.kind));
  box.append(top);
  if (f.message) box.append(make('p', '', f.message));
  if (f.wanted && f.standing !== 'ok') box.append(record('should be', f.wanted));
  if (f.standing !== 'ok') for (const text of f.found) box.append(record('DNS has', text));
  return box;
}

// What is found by going there, not by asking DNS.
function outside(d) {
  const out = [], say = (name, word, kind, text) => {
    const box = make('div', 'finding'), top = make('div', 'top');
    top.append(badge(word, kind), make('span', 'name', name));
    box.append(top);
    if (text) box.append(make('p', '', text));
    out.push(box);
  };
  if (d.host) say(d.host.host + ' from outside', d.host.reached ? 'reached' : d.host.refused ? 'refused' : 'not reached', d.host.refused ? 'bad' : d.host.message ? 'warn' : 'ok', [d.host.road, d.host.message].filter(Boolean).join('; '));
  if (d.policy_fault) say('MTA-STS policy', 'not right', 'bad', d.policy_fault);
  return out;
}

function domainCard(d) {
  const item = make('section', 'card'), head = make('h3', '', d.domain), wrong = d.findings.filter((f) => !f.right);
  const remarks = d.findings.filter((f) => f.right && (f.standing !== 'ok' || f.message)), fine = d.findings.filter((f) => f.right && f.standing === 'ok' && !f.message);
  item.dataset.domain = d.domain;
  const count = wrong.length + (d.host && d.host.refused ? 1 : 0) + (d.policy_fault ? 1 : 0);
  head.append(d.failure ? badge('not known', 'bad') : d.right ? badge('all right', 'ok') : badge(count + ' not right', 'bad'));
  const checked = make('p', 'meta', 'looked at '); checked.append(when(d.checked));
  item.append(head, checked);
  if (d.failure) item.append(make('p', '', d.failure));
  item.append(...wrong.map(finding), ...outside(d), ...remarks.map(finding));
  if (wrong.length) item.append(make('p', 'hint', 'What would be published: postern dns publish ' + d.domain + ' --server ADDRESS --tsig FILE --dry-run'));
  if (fine.length) {
    const list = make('ul', 'right');
    list.append(...fine.map((f) => make('li', '', (kinds[f.kind] || f.kind) + ': ' + f.name + ' ' + f.type)));
    item.append(fold('right records of ' + d.domain, fine.length + (fine.length === 1 ? ' record is right' : ' records are right'), list));
  }
  return item;
}

function tlsaCard(t) {
  const out = [make('h3', '', 'TLSA of the listeners’ keys')];
  out[0].append(t.in_dns ? badge('in DNS', 'ok') : badge('not in DNS'));
  out.push(make('p', 'meta', t.name), record('current', t.current || 'none'));
  if (t.next) out.push(record('next', t.next), make('p', 'hint', 'The next key is shown when its record has stood in DNS for two TTLs.'));
  for (const one of t.former) out.push(record('former', one));
  if (!t.in_dns) out.push(make('p', 'hint', 'Senders with DANE are not bound to a key. inbound.tlsa publishes it, in a zone with DNSSEC.'));
  return out;
}

function zonesCard(zones) {
  const out = [make('h3', '', 'Zones')];
  if (!zones.length) out.push(make('p', 'quiet', 'None. With [[zone]] the daemon keeps the DKIM and TLSA records right by itself.'));
  for (const z of zones) {
    const line = make('div', 'finding'), top = make('div', 'top'), times = make('p', 'meta');
    top.append(z.failure ? badge('refused', 'bad') : z.checked ? badge('kept', 'ok') : badge('not looked at yet'), make('span', 'name', z.zone), make('span', 'meta', 'at ' + z.server));
    if (z.checked) times.append('looked at ', when(z.checked));
    if (z.changed) times.append(z.checked ? ', changed ' : 'changed ', when(z.changed));
    line.append(top, times);
    if (z.failure) line.append(make('p', '', z.failure));
    out.push(line);
  }
  return out;
}

function showDns(dns) {
  $('unlooked').hidden = dns.domains.length > 0;
  if (isNew('domains', dns.domains)) $('domains').replaceChildren(...dns.domains.map(domainCard));
  if (isNew('tlsa', dns.tlsa)) $('tlsa').replaceChildren(...tlsaCard(dns.tlsa));
  if (isNew('zones', dns.zones)) $('zones').replaceChildren(...zonesCard(dns.zones));
}

const policies = { tlsa: 'DANE', sts: 'MTA-STS', 'no-policy-found': 'No policy', other: 'Other' };
const sessionWords = { good: 'successful', bad: 'failed' }, mailWords = { good: 'passed', bad: 'failed' };

function none(text) { return [make('p', 'quiet', text)]; }

function policyCharts(name, rows, days, empty) {
  const charts = Object.keys(policies).filter((policy) => rows.some((row) => row.policy === policy)).map((policy) => {
    const of = rows.filter((row) => row.policy === policy).map((row) => ({ day: row.day, good: row.successful, bad: row.failed }));
    return chart(name + ' ' + policy, policies[policy], byDay(days, of), sessionWords);
  });
  return charts.length ? charts : none(empty);
}

function sourcesChart(sources, all) {
  const figure = make('figure', 'chart'), caption = make('figcaption'), box = make('div', 'table');
  const rows = sources.map((s) => ({ source: s.source, good: s.passed, bad: s.failed })), most = Math.max(...rows.map((r) => r.good + r.bad), 1);
  caption.append(make('strong', '', 'By sending address'), legend(mailWords));
  box.append(tableOf(all > rows.length ? 'The ' + rows.length + ' of ' + number(all) + ' with the most failures' : 'The most failures first',
                     ['Address', 'passed', 'failed', 'of the most'], rows.map((r) => [r.source, number(r.good), number(r.bad), barOf(r, most)])));
  box.tabIndex = 0;  // it scrolls
  figure.append(caption, box);
  figure.dataset.chart = 'sources';
  return figure;
}

function showCharts(s) {
  const options = ['', ...s.domains].map((d) => { const o = make('option', '', d || 'all domains'); o.value = d; o.selected = d === $('domain').value; return o; });
  if (isNew('options', s.domains)) $('domain').replaceChildren(...options);
  if (!isNew('charts', s)) return;
  const days = daysFrom(s.first, s.last), mail = s.dmarc.map((d) => ({ day: d.day, good: d.passed, bad: d.failed }));
  $('partly').hidden = s.complete;
  $('partly').textContent = 'There are more reports than are read for one picture: it shows the newest ' + number(s.reports) + '.';
  $('dmarc').replaceChildren(...(mail.length ? [chart('dmarc', 'By day', byDay(days, mail), mailWords), ...(s.sources.length ? [sourcesChart(s.sources, s.all_sources)] : [])]
    : none('No DMARC report in this time. They come to the addresses of reports.inbox when the DMARC record asks for them (rua).')));
  $('tls').replaceChildren(...policyCharts('tls', s.tls, days, 'No TLS report in this time. They come to the addresses of reports.inbox when the record _smtp._tls asks for them.'));
  $('sessions').replaceChildren(...policyCharts('sessions', s.sessions, days, 'No session with a mail host found by MX in this time.'));
}

const reportKinds = { dmarc: 'DMARC', tls: 'TLS' };

async function showBody(number, into) {
  try {
    const body = await call('GET', '/api/v1/reports/received/' + number);
    into.textContent = body.too_large ? 'The report is too large to be kept; only its sums are.' : JSON.stringify(body, null, 2);
  } catch (error) {
    if (error.token) return askForToken();
    into.textContent = 'It cannot be read: ' + error.message;
  }
}

function receivedReport(r) {
  const name = 'report ' + r.number, body = make('pre', '', 'Reading…'), box = fold(name, '', body), words = r.kind === 'tls' ? sessionWords : mailWords;
  box.className = 'report';
  box.dataset.report = r.number;
  const times = make('span', 'meta', r.begin.slice(0, 10) + (r.end.slice(0, 10) === r.begin.slice(0, 10) ? '' : ' to ' + r.end.slice(0, 10)));
  box.firstChild.append(badge(reportKinds[r.kind] || r.kind), make('strong', '', r.organization || 'no name'), make('span', '', 'about ' + (r.domain || 'no domain')), times,
    badge(number(r.good) + ' ' + words.good, r.good ? 'ok' : ''), badge(number(r.bad) + ' ' + words.bad, r.bad ? 'bad' : ''),
    r.vouched ? badge('sender proven', 'ok', 'DMARC passed for the mail that brought it') : badge('sender not proven', 'warn', 'anybody may have sent it: DMARC did not pass for the mail that brought it'));
  box.addEventListener('toggle', () => { if (box.open) showBody(r.number, body); });
  return box;
}

function showReceived(reports) {
  if (!isNew('received', reports)) return;
  $('received').replaceChildren(...(reports.length ? reports.map(receivedReport) : none('None yet.')));
}

// The answer to the last question counts, whichever comes last.
let asked = 0;
async function loadReports() {
  const question = ++asked;
  const query = new URLSearchParams({ days: $('days').value, domain: $('domain').value, vouched: $('vouched').checked });
  const [sums, list] = await Promise.all([call('GET', '/api/v1/reports/summary?' + query), call('GET', '/api/v1/reports/received?limit=50')]);
  if (question !== asked) return;
  showCharts(sums);
  showReceived(list.reports);
}

function complain(error) {
  if (error.token) return askForToken();
  if (!error.said) return;  // the gateway is away: the status bar says so
  $('login').hidden = true;
  document.querySelector('main').hidden = false;
  $('unread').textContent = error.message;
  $('unread').hidden = false;
}

async function load(withReports) {
  try {
    showDns(await call('GET', '/api/v1/dns'));
    if (withReports) await loadReports();
    $('login').hidden = true;
    $('unread').hidden = true;
    document.querySelector('main').hidden = false;
  } catch (error) { complain(error); }
}

async function look() {
  $('look').disabled = true;
  $('looked').textContent = 'Asking DNS…';
  try {
    showDns(await call('POST', '/api/v1/dns/check'));
    $('looked').textContent = 'Looked just now.';
  } catch (error) {
    $('looked').textContent = 'It could not look: ' + (error.said ? error.message : 'the gateway does not answer.');
    complain(error);
  }
  $('look').disabled = false;
}

let turn = 0;
async function follow() {
  await load(turn++ % 6 === 0);
  if ($('login').hidden) setTimeout(follow, 5000);
}

function begin() { turn = 0; follow(); }

$('look').addEventListener('click', look);
$('which').addEventListener('submit', (event) => event.preventDefault());
$('which').addEventListener('change', () => loadReports().catch(complain));
onToken(begin);
begin();
)js";

}  // namespace postern::api
