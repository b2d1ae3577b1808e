// postern x400 mta, ms: the daemon's MTA and the mailboxes of its users.
#include <CLI/CLI.hpp>
#include <memory>

#include "base/secret.hpp"
#include "file_input.hpp"
#include "verbs.hpp"
#include "x400.hpp"
#include "x400_cabinet.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

void show_mta(const json::value& x400, std::ostream& out) {
  out << "MTA " << text_of(x400, "mta_name") << ", " << text_of(x400, "domain") << "\n";
  const auto received = at(x400, "received"), sent = at(x400, "sent");
  out << "received  " << text_of(received, "messages") << " messages, " << text_of(received, "probes") << " probes, "
      << text_of(received, "reports") << " reports; " << text_of(received, "duplicates") << " duplicates, " << text_of(received, "refused")
      << " refused, " << text_of(received, "binds_refused") << " binds refused\n"
      << "sent      " << text_of(sent, "transferred") << " transferred, " << text_of(sent, "delivered") << " delivered, "
      << text_of(sent, "reported") << " reported, " << text_of(sent, "deferred") << " deferred, " << text_of(sent, "at_lists")
      << " at lists\n\n";
  Table table({"PEER", "ADDRESS", "MODE", "ASSOCIATIONS", "ROAD", "TROUBLE"});
  for (const auto& peer : list_of(x400, "peers"))
    table.add({text_of(peer, "name"), text_of(peer, "address"), text_of(peer, "mode"), text_of(peer, "associations"), text_of(peer, "road"),
               text_of(peer, text_of(peer, "trouble").empty() ? "refused" : "trouble")});
  table.print(out);
  if (list_of(x400, "users").empty()) return;
  out << "\n";
  Table users({"USER WHO IS CALLED", "ADDRESS", "BOUND", "TROUBLE"});
  for (const auto& user : list_of(x400, "users"))
    users.add({text_of(user, "user"), text_of(user, "address"), text_of(user, "bound") == "true" ? "yes" : "no", text_of(user, "trouble")});
  users.print(out);
}

void show_lists(const json::value& answer, std::ostream& out) {
  Table table({"LIST", "MEMBERS", "SUBMITTERS", "REPORTS", "OWNER"});
  for (const auto& list : list_of(answer, "lists")) {
    const std::string submitters = text_of(list, "submitters");
    table.add({text_of(list, "address"), text_of(list, "members"), submitters == "0" ? "all" : submitters, text_of(list, "reports"),
               text_of(list, "owner")});
  }
  table.print(out);
}

void show_list(const json::value& list, std::ostream& out) {
  for (const auto& name : list_of(list, "names")) out << json::value_to<std::string>(name) << "\n";
}

void add_lists(const Verbs& v, CLI::App* mta) {
  CLI::App* lists = verb(mta, "lists", "The distribution lists here; with an address, who stands in that one",
                         "postern x400 mta lists \"C=DE;A= ;P=ORG;CN=all\"");
  const auto address = std::make_shared<std::string>();
  lists->add_option("ADDRESS", *address, "O/R address of a list");
  lists->callback([v, address] {
    v.run(
        "x400 mta lists",
        [address](const Remote& r) {
          return r.call_json("GET", "/api/v1/x400/lists" + (address->empty() ? std::string() : query({{"address", *address}})));
        },
        [v, address](const json::value& a) { address->empty() ? show_lists(a, v.context.out) : show_list(a, v.context.out); });
  });
}

void add_mta(const Verbs& v, CLI::App* noun) {
  CLI::App* mta = verb(noun, "mta", "The daemon's MTA: peers, associations, what came and went", "postern x400 mta");
  add_lists(v, mta);
  mta->callback([v, mta] {
    if (!mta->get_subcommands().empty()) return;
    v.run(
        "x400 mta",
        [](const Remote& r) -> Result<json::value> {
          POSTERN_TRY(const auto status, r.call_json("GET", "/status"));
          const json::value x400 = at(status, "x400");
          if (x400.is_null()) return fail(ErrorCode::NotFound, "no X.400 MTA is configured: set x400.domain and start the daemon again");
          return x400;
        },
        [v](const json::value& a) { show_mta(a, v.context.out); });
  });
}

/// `body` and the password that is read.
Result<json::value> with_password(const Remote& remote, const char* method, json::object body, std::istream& in) {
  POSTERN_TRY(std::string password, read_password(in));
  body["password"] = password;
  auto answer = remote.call_json(method, "/api/v1/x400/mailboxes", body);
  wipe(password);
  return answer;
}

void add_ms(const Verbs& v, CLI::App* noun) {
  CLI::App* ms = noun->add_subcommand("ms", "The users here and their mailboxes: list, add, password, remove");
  ms->require_subcommand(1);
  const auto address = std::make_shared<std::string>();
  const auto said = [v, address](const char* what) {
    return [v, address, what](const json::value& a) { v.context.out << text_of(a, "address") << ": " << what << "\n"; };
  };
  CLI::App* list = verb(ms, "list", "Whose mailboxes are here", "postern x400 ms list");
  list->callback([v] {
    v.run(
        "x400 ms list", [](const Remote& r) { return r.call_json("GET", "/api/v1/x400/mailboxes"); },
        [v](const json::value& a) {
          for (const auto& each : list_of(a, "mailboxes"))
            v.context.out << text_of(each, "address") << (text_of(each, "delivery") == "p3" ? "  (by P3)" : "") << "\n";
        });
  });
  CLI::App* add = verb(ms, "add", "Make a mailbox; the password is read from the terminal or standard input",
                       "postern x400 ms add \"C=DE;A= ;P=ORG;S=Smith;G=Jane\" < password");
  add->add_option("ADDRESS", *address, "O/R address of its owner")->required();
  const auto delivery = std::make_shared<std::string>("store");
  add->add_option("--delivery", *delivery, "store: into his mailbox; p3: it waits in the queue until he takes it (postern x400 receive)")
      ->check(CLI::IsMember({"store", "p3"}))
      ->capture_default_str();
  add->callback([v, address, delivery, said] {
    v.run(
        "x400 ms add",
        [&](const Remote& r) {
          return with_password(r, "POST", json::object{{"address", *address}, {"delivery", *delivery}}, v.context.in);
        },
        said(*delivery == "p3" ? "the user is there, without a mailbox" : "the mailbox is there"));
  });
  CLI::App* password =
      verb(ms, "password", "Another password for a mailbox", "postern x400 ms password \"C=DE;A= ;P=ORG;S=Smith\" < password");
  password->add_option("ADDRESS", *address, "O/R address of its owner")->required();
  password->callback([v, address, said] {
    v.run(
        "x400 ms password", [&](const Remote& r) { return with_password(r, "PUT", json::object{{"address", *address}}, v.context.in); },
        said("the password is set"));
  });
  CLI::App* remove = verb(ms, "remove", "Remove a mailbox with everything in it", "postern x400 ms remove \"C=DE;A= ;P=ORG;S=Smith\"");
  remove->add_option("ADDRESS", *address, "O/R address of its owner")->required();
  remove->callback([v, address, said] {
    v.run(
        "x400 ms remove", [&](const Remote& r) { return r.call_json("DELETE", "/api/v1/x400/mailboxes" + query({{"address", *address}})); },
        said("removed"));
  });
}

}  // namespace

void add_x400_daemon_verbs(CLI::App& app, Context& context, const Global& global) {
  const Verbs verbs{app, context, global};
  CLI::App* noun = x400_noun(app);
  add_x400_bind_test(*noun, verbs);
  add_mta(verbs, noun);
  add_ms(verbs, noun);
  add_x400_cabinet_verbs(verbs, noun);
}

}  // namespace postern::cli
