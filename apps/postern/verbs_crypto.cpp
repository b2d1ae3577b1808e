// postern crypto vectors: test vectors of others through the crypto layer, so that any harness can judge what the product runs.
#include <CLI/CLI.hpp>
#include <istream>
#include <ostream>

#include "base/text.hpp"
#include "clock_input.hpp"
#include "context.hpp"
#include "line_input.hpp"
#include "vectors/vectors.hpp"

namespace postern::cli {
namespace {

/// Each answer goes out before the next line is read: a harness may wait for it.
void run_vectors(Context& context) {
  LineInput input(context.in, vectors::kLine);  // of a longer line enough is kept that answer() finds it too long
  while (input.next()) {
    if (trim(input.line()).empty() && !input.too_long()) continue;
    const vectors::Reply reply = vectors::answer(input.line(), input.number());
    context.out << reply.json << '\n' << std::flush;
    if (!reply.understood) context.exit_status = kUsage;
  }
}

}  // namespace

void add_crypto_verbs(CLI::App& app, Context& context);

void add_crypto_verbs(CLI::App& app, Context& context) {
  CLI::App* crypto = app.add_subcommand("crypto", "The crypto layer, held against test vectors");
  crypto->require_subcommand(1);
  CLI::App* verb = crypto->add_subcommand(
      "vectors",
      "JSON lines in, {\"id\",\"type\",\"algorithm\",\"group\",\"test\"} as in Wycheproof's files; JSON lines out, "
      "{\"id\",\"valid\",\"output\"} or "
      "{\"id\",\"unsupported\":true}. A line that is no case is answered with its number and what is wrong; the exit status is then 2.");
  accept_clock(*verb);
  verb->add_flag("--json", context.json, "What it does anyway");
  verb->footer("Example: postern crypto vectors < cases.jsonl > verdicts.jsonl");
  verb->callback([&context] { run_vectors(context); });
}

}  // namespace postern::cli
