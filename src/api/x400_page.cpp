#include "api/x400_page.hpp"

namespace postern::api {

const std::string_view kX400Body = R"html(<link rel="stylesheet" href="/x400.css">
<main id="x400" hidden>
  <section id="absent" hidden>
    <h2>No X.400 mailbox here</h2>
    <p id="absent-why"></p>
    <p>To have one, in the configuration file:</p>
    <ol>
      <li><code>[transport]</code> with <code>mode = "mock"</code> is a small message system in this process, for trying out; <code>"native"</code> binds to a message store over the
        network, <code>"sdk"</code> uses a vendor’s library. Both want a profile in <code>transport.profiles_dir</code>.</li>
      <li><code>postern config check</code> says every fault; then start the daemon again.</li>
      <li><code>postern x400 bind-test</code> says step by step whether the peer lets us in.</li>
    </ol>
    <p>This page looks again every few seconds.</p>
  </section>
  <section id="mailbox" aria-label="Mailbox">
    <div id="box"></div>
    <div class="bar"><button id="access" type="button">Access now</button> <a class="button" href="#write=new">New message</a></div>
  </section>
  <div id="panes">
    <nav id="folders" aria-label="Folders"><ul id="folder-list"></ul><button id="folder-new" type="button" class="quiet">New folder…</button></nav>
    <section id="list" aria-labelledby="list-title">
      <div class="bar"><h2 id="list-title"></h2><button id="folder-remove" type="button" class="quiet" hidden>Remove folder…</button></div>
      <details id="find"><summary id="find-head">Filter</summary>
        <form id="find-form" aria-label="Filter">
          <div class="choices">
            <p class="field"><label for="f-from">From (P=NORTH;S=Doe)</label><input id="f-from" autocomplete="off"></p>
            <p class="field"><label for="f-to">To</label><input id="f-to" autocomplete="off"></p>
            <p class="field"><label for="f-subject">In the subject</label><input id="f-subject" autocomplete="off"></p>
            <p class="field"><label for="f-content_identifier">Content identifier</label><input id="f-content_identifier" maxlength="16" autocomplete="off"></p>
            <p class="field wide"><label for="f-since">Since</label><input id="f-since" type="datetime-local"></p>
            <p class="field wide"><label for="f-until">Until</label><input id="f-until" type="datetime-local"></p>
            <p class="field"><label for="f-kind">Kind</label><select id="f-kind"><option value="">any</option><option value="message">message</option><option value="report">report</option><option value="notification">notification</option></select></p>
            <p class="field"><label for="f-state">State</label><select id="f-state"><option value="">any</option><option value="received">received</option><option value="draft">draft</option><option value="held">waits for approval</option><option value="refused">refused</option><option value="queued,submitting">on its way</option><option value="unknown">outcome unknown</option><option value="failed">not submitted</option><option value="submitted">submitted</option><option value="cancelled">taken back</option></select></p>
            <p class="field"><label for="f-priority">Priority</label><select id="f-priority"><option value="">any</option><option value="urgent">urgent</option><option value="normal">normal</option><option value="non_urgent">non-urgent</option></select></p>
            <p class="field"><label for="f-outcome">Outcome of a recipient</label><select id="f-outcome"><option value="">any</option><option value="waiting">nothing heard yet</option><option value="delivered">delivered</option><option value="not_delivered">not delivered</option><option value="read">read</option><option value="not_read">not read</option></select></p>
            <p class="field"><label for="f-reports">Reports and notifications</label><select id="f-reports"><option value="">any</option><option value="1">came</option><option value="0">none came</option></select></p>
          </div>
          <p class="bar"><button type="submit" class="main">Show these</button> <button id="find-none" type="button" class="quiet">Show all</button></p>
        </form>
      </details>
      <ol id="rows"></ol>
      <p id="none" class="soft" hidden></p>
      <p id="pages" class="bar" hidden><a id="newest">Newest</a> <a id="older">Older</a></p>
    </section>
    <article id="reader" aria-label="Message"></article>
    <section id="links" aria-label="Associations" hidden></section>
    <form id="write" aria-label="New message" hidden>
      <p class="back"><a href="#folder=inbox">← Inbox</a></p>
      <h2 id="w-title">New message</h2>
      <p class="field"><label for="w-to">To, one O/R address a line</label><textarea id="w-to" rows="2" required spellcheck="false" autocomplete="off" placeholder="C=DE;A= ;P=NORTH;O=Works;S=Doe;G=Jane"></textarea></p>
      <details id="w-copies"><summary>Copies</summary>
        <p class="field"><label for="w-cc">Copy (cc)</label><textarea id="w-cc" rows="2" spellcheck="false" autocomplete="off"></textarea></p>
        <p class="field"><label for="w-bcc">Blind copy (bcc)</label><textarea id="w-bcc" rows="2" spellcheck="false" autocomplete="off"></textarea></p>
      </details>
      <div id="w-own">
        <p class="field"><label for="w-subject">Subject</label><input id="w-subject" autocomplete="off"></p>
        <p class="field"><label for="w-text">Text</label><textarea id="w-text" rows="8"></textarea></p>
        <p class="field"><label for="w-files">Files</label><input id="w-files" type="file" multiple></p>
        <div id="w-kept"></div>
      </div>
      <div class="choices">
        <p class="field"><label for="w-report">Delivery reports</label><select id="w-report"><option value="non_delivery">only when it is not delivered</option><option value="all">when it is delivered, too</option><option value="none">none</option></select></p>
        <p class="field"><label for="w-receipt">Receipt notifications</label><select id="w-receipt"><option value="none">none</option><option value="receipt">when it is read, or is not going to be</option><option value="non_receipt">only when it is not going to be read</option></select></p>
        <p class="field"><label for="w-priority">Priority</label><select id="w-priority"><option value="normal">normal</option><option value="urgent">urgent</option><option value="non_urgent">non-urgent</option></select></p>
        <p class="field"><label for="w-importance">Importance</label><select id="w-importance"><option value="normal">normal</option><option value="high">high</option><option value="low">low</option></select></p>
        <p class="field"><label for="w-latest_delivery">Deliver at the latest</label><input id="w-latest_delivery" type="datetime-local"></p>
      </div>
      <details id="w-heading"><summary>More of the heading</summary>
        <div class="choices">
          <p class="field"><label for="w-sensitivity">Sensitivity</label><select id="w-sensitivity"><option value="none">none</option><option value="personal">personal</option><option value="private">private</option><option value="company_confidential">company confidential</option></select></p>
          <p class="field"><label for="w-expires">Of no use after</label><input id="w-expires" type="datetime-local"></p>
          <p class="field"><label for="w-reply_by">Answer by</label><input id="w-reply_by" type="datetime-local"></p>
          <p class="field"><label for="w-auto_submitted">Written by</label><select id="w-auto_submitted"><option value="">not said</option><option value="not_auto_submitted">a person</option><option value="auto_generated">a program</option><option value="auto_replied">a program, as an answer</option></select></p>
          <p class="field"><label for="w-languages">Languages, such as de fr-CH</label><input id="w-languages" autocomplete="off"></p>
        </div>
        <p class="soft">Other messages: the id of one here, or “LOCAL of ADDRESS”, an IPM identifier; one a line.</p>
        <div class="choices">
          <p class="field"><label for="w-reply_to">Answers</label><input id="w-reply_to" spellcheck="false" autocomplete="off"></p>
          <p class="field"><label for="w-obsoletes">Takes the place of</label><textarea id="w-obsoletes" rows="1" spellcheck="false"></textarea></p>
          <p class="field"><label for="w-related">Has to do with</label><textarea id="w-related" rows="1" spellcheck="false"></textarea></p>
        </div>
        <p class="field"><label for="w-reply_recipients">Answers go to, one O/R address a line</label><textarea id="w-reply_recipients" rows="1" spellcheck="false"></textarea></p>
        <p class="field"><label for="w-authorizing_users">Authorized by, one O/R address a line</label><textarea id="w-authorizing_users" rows="1" spellcheck="false"></textarea></p>
      </details>
      <details id="w-envelope"><summary>More of the envelope and for the recipients</summary>
        <div class="choices">
          <p class="field"><label for="w-content_identifier">Content identifier, at most 16 characters</label><input id="w-content_identifier" maxlength="16" autocomplete="off"></p>
          <p class="field"><label for="w-precedence">Precedence, 0 to 127</label><input id="w-precedence" type="number" min="0" max="127"></p>
          <p class="field"><label for="w-alternate">Who gets it where a recipient cannot</label><input id="w-alternate" spellcheck="false" autocomplete="off"></p>
        </div>
        <label class="tick"><input id="w-reply_requested" type="checkbox"><span>An answer is asked for</span></label>
        <label class="tick"><input id="w-return_message" type="checkbox"><span>Non-receipt notifications bring the message back</span></label>
        <div id="w-flags"></div>
      </details>
      <details id="w-raw"><summary>A content from a file instead, octet by octet</summary>
        <p class="soft">Subject, text and files above are left out: what is in the file is submitted as it is (strategy 5).</p>
        <p class="field"><label for="w-content">Content</label><input id="w-content" type="file"></p>
        <p class="field"><label for="w-type">Content type: 22 (P22), 2 (P2), another number or an object identifier</label><input id="w-type" value="22" autocomplete="off"></p>
      </details>
      <p id="w-wrong" class="wrong" role="alert" hidden></p>
      <p class="bar"><button id="w-again" type="button" hidden>Read it again</button> <button id="w-submit" type="submit" class="main">Submit…</button> <button id="w-keep" type="button">Keep as draft</button> <button id="w-drop" type="button" class="quiet">Discard</button></p>
      <p class="soft">“Submit…” keeps a draft first and then asks how it is to go out.</p>
    </form>
  </div>
  <p id="news" class="unseen" role="status"></p>
  <p id="acted" role="status" hidden><span id="acted-text"></span> <button id="acted-close" type="button" class="quiet" aria-label="Close this notice">×</button></p>
</main>
<dialog id="ask" aria-labelledby="ask-title" aria-describedby="ask-text">
  <form id="ask-form">
    <h2 id="ask-title"></h2>
    <p id="ask-text"></p>
    <div id="ask-fields"></div>
    <p id="ask-wrong" class="wrong" role="alert" hidden></p>
    <menu><button id="ask-no" type="button">Not now</button><button id="ask-go" type="submit"></button></menu>
  </form>
</dialog>
<footer id="footer"></footer>
<script src="/page.js"></script>
<script src="/x400_message.js"></script>
<script src="/x400_acts.js"></script>
<script src="/x400_write.js"></script>
<script src="/x400.js"></script>
</body>
</html>
)html";

// The message stays in sight while its list is scrolled; on a narrow screen it takes the list's place.
const std::string_view kX400Css =
    R"css(header { position:static; } [hidden] { display:none !important; } main { max-width:1500px; } h2 { font-size:1.05rem; margin:0; overflow-wrap:anywhere; } h3 { font-size:.92rem; margin:1.1rem 0 .4rem; }
button, select, textarea, input, .button { font:inherit; max-width:100%; border:1px solid var(--line); border-radius:7px; background:var(--card); color:var(--ink); padding:.3rem .7rem; text-decoration:none; }
button, .button { cursor:pointer; display:inline-block; } button:disabled { opacity:.55; cursor:default; } button.main, a.button { background:var(--seal); color:var(--card); border-color:var(--seal); } button.grave { background:var(--bad); color:var(--card); border-color:var(--bad); }
button.quiet { background:none; border-color:transparent; color:var(--seal); padding:.3rem .4rem; } :focus-visible { outline:2px solid var(--seal); outline-offset:2px; }
#x400 a { color:var(--seal); } #x400 a.button { color:var(--card); } .soft { color:var(--soft); font-size:.88rem; overflow-wrap:anywhere; } .bar { display:flex; flex-wrap:wrap; gap:.4rem .7rem; align-items:center; } .bar h2 { flex:1; min-width:0; } #list > .bar:first-child { min-height:2.2rem; }
.wrong { color:var(--bad); background:var(--badbg); border-radius:8px; padding:.5rem .9rem; overflow-wrap:anywhere; }
#mailbox { display:flex; flex-wrap:wrap; gap:.5rem 1rem; align-items:center; justify-content:space-between; min-height:2.4rem; margin-bottom:.8rem; } #box { display:flex; flex-wrap:wrap; gap:.3rem .6rem; align-items:baseline; min-width:0; flex:1 1 20rem; } #box > span { overflow-wrap:anywhere; min-width:0; }
#panes { display:grid; grid-template-columns:10.5rem minmax(17rem, 25rem) minmax(0, 1fr); gap:1rem; align-items:start; }
#x400[data-view=links] #panes, #x400[data-view=write] #panes { grid-template-columns:10.5rem minmax(0, 1fr); }
#folders { display:block; position:sticky; top:1rem; } #folders ul { list-style:none; margin:0; padding:0; } #folders a { display:flex; justify-content:space-between; gap:.5rem; padding:.35rem .6rem; border-radius:7px; color:var(--ink); } #folders a span:first-child { overflow-wrap:anywhere; min-width:0; }
#folders a:hover { background:var(--line); } #folders a[aria-current] { background:var(--sealbg); color:var(--seal); text-decoration:none; } #folders .count { color:var(--soft); font-size:.85rem; font-variant-numeric:tabular-nums; white-space:nowrap; } #folders .count b { color:var(--seal); } #folders li.apart { border-top:1px solid var(--line); margin-top:.4rem; padding-top:.4rem; }
#rows { list-style:none; margin:.6rem 0; padding:0; border-top:1px solid var(--line); } #rows:empty { border:0; margin:.3rem 0; } #rows li { border-bottom:1px solid var(--line); }
#x400 .row { display:grid; gap:.15rem; padding:.5rem .6rem; color:var(--ink); text-decoration:none; border-radius:7px; border-left:3px solid transparent; } .row:hover { background:var(--card); } #x400 .row[aria-current] { background:var(--card); border-left-color:var(--seal); }
.row > span { display:flex; gap:.6rem; justify-content:space-between; align-items:baseline; min-width:0; } .row .title, .row .who { overflow:hidden; text-overflow:ellipsis; white-space:nowrap; min-width:0; } .row.new .title { font-weight:700; } .row .who { font-size:.88rem; } .row .soft { white-space:nowrap; font-size:.8rem; } .row .tags { flex-wrap:wrap; justify-content:flex-start; gap:.3rem; } .row .tags:empty { display:none; }
#reader, #links .card, #write { background:var(--card); border:1px solid var(--line); border-radius:10px; padding:.9rem 1.1rem; min-width:0; } #reader { position:sticky; top:1rem; max-height:calc(100vh - 2rem); overflow:auto; outline-offset:-2px; } .back { display:none; }
#reader h2:focus { outline:none; } #links .card > :last-child { margin-bottom:0; } .unseen { position:absolute; width:1px; height:1px; overflow:hidden; clip-path:inset(50%); }
#reader .facts { margin:.5rem 0; } #reader .acts { display:flex; flex-wrap:wrap; gap:.4rem; margin:.6rem 0; padding-bottom:.7rem; border-bottom:1px solid var(--line); } #reader p { overflow-wrap:anywhere; } #reader .say { border-radius:8px; padding:.5rem .9rem; margin:.5rem 0; } #reader .say > p { margin:.2rem 0 .6rem; } #reader .say.soft { padding:0; } #reader .acts:empty { display:none; }
dl { display:grid; grid-template-columns:minmax(5rem, 9rem) minmax(0, 1fr); gap:.2rem .8rem; margin:.5rem 0; font-size:.9rem; } dt { color:var(--soft); overflow-wrap:anywhere; } dd { margin:0; overflow-wrap:anywhere; white-space:pre-line; }
.part { margin:.6rem 0; } .part pre { margin:.3rem 0; font:inherit; white-space:pre-wrap; overflow-wrap:anywhere; } .part .within { border-left:3px solid var(--line); padding-left:.8rem; margin:.3rem 0; } .file { display:flex; flex-wrap:wrap; gap:.3rem .7rem; align-items:center; border:1px solid var(--line); border-radius:8px; padding:.4rem .7rem; overflow-wrap:anywhere; } .file > span { min-width:0; }
ul.people, ul.plain { list-style:none; margin:0; padding:0; } ul.people li, ul.plain li { border-top:1px solid var(--line); padding:.45rem 0; overflow-wrap:anywhere; } ul.people li:first-child, ul.plain li:first-child { border-top:0; } ul.people .top { gap:.2rem .6rem; } ul.people { max-height:18rem; overflow:auto; border-bottom:1px solid var(--line); }
details summary { cursor:pointer; color:var(--soft); padding:.25rem 0; } code { overflow-wrap:anywhere; } ol.steps { list-style:none; margin:.3rem 0; padding:0; font-size:.88rem; } ol.steps li { display:grid; grid-template-columns:8.5rem minmax(0, 1fr); gap:0 .8rem; padding:.2rem 0; overflow-wrap:anywhere; } ol.steps time { color:var(--soft); }
#links { display:grid; gap:.8rem; grid-template-columns:repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); align-items:start; } #links h3 { margin-top:0; display:flex; flex-wrap:wrap; gap:.3rem .6rem; align-items:center; } #links .badge { margin-right:.4rem; font-weight:400; }
.field { display:grid; gap:.2rem; margin:.6rem 0; } .field label { color:var(--soft); font-size:.88rem; } .field > input, .field > textarea, .field > select { width:100%; } textarea { resize:vertical; } .choices { display:grid; grid-template-columns:repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); gap:0 .9rem; } #find .choices { grid-template-columns:repeat(auto-fill, minmax(min(100%, 9.5rem), 1fr)); gap:0 .7rem; align-items:end; } #find .field { margin:.25rem 0; grid-template-columns:minmax(0, 1fr); } #find .wide { grid-column:1 / -1; } .tick { display:flex; gap:.5rem; align-items:baseline; margin:.5rem 0; } .tick input { flex:none; }
#acted { position:fixed; z-index:1; bottom:1rem; left:50%; transform:translateX(-50%); width:max-content; max-width:calc(100vw - 2rem); margin:0; border-radius:8px; padding:.4rem .4rem .4rem .9rem; display:flex; gap:.5rem; align-items:center; box-shadow:0 2px 12px rgb(0 0 0 / 25%); overflow-wrap:anywhere; } #acted button { color:inherit; font-size:1.1rem; line-height:1; } #acted span { min-width:0; }
dialog { border:1px solid var(--line); border-radius:12px; background:var(--card); color:var(--ink); width:34rem; max-width:calc(100vw - 2rem); } dialog::backdrop { background:rgb(0 0 0 / 45%); } dialog p { overflow-wrap:anywhere; } dialog ul { max-height:9rem; overflow:auto; padding-left:1.2rem; overflow-wrap:anywhere; font-size:.9rem; } menu { display:flex; flex-wrap:wrap; gap:.6rem; justify-content:flex-end; padding:0; margin:1rem 0 0; }
@media (max-width:900px) {
  #panes, #x400[data-view=links] #panes, #x400[data-view=write] #panes { grid-template-columns:minmax(0, 1fr); } #folders { position:static; } #folders ul { display:flex; flex-wrap:wrap; gap:.2rem; } #folders li.apart { border:0; margin:0; padding:0; } #folders a { border:1px solid var(--line); }
  #reader { position:static; max-height:none; } .back { display:inline-block; margin:0 0 .5rem; } #x400[data-view=list] #reader, #x400[data-view=message] #mailbox, #x400[data-view=message] #list, #x400[data-view=message] #folders, #x400[data-view=write] #folders { display:none; } dl { grid-template-columns:minmax(0, 1fr); } dt { margin-top:.3rem; } ol.steps li { grid-template-columns:minmax(0, 1fr); }
}
)css";

}  // namespace postern::api
