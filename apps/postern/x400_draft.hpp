// What a message of the operator's X.400 mailbox may say, as options of a verb.
#pragma once

#include <optional>

#include "verbs.hpp"

namespace postern::cli {

struct DraftOptions {
  std::vector<std::string> to, cc, bcc, attach, obsoletes, related, reply_recipients, authorizing, languages, flags;
  std::vector<std::string> keep, clear;  ///< Of one that is changed.
  std::optional<std::string> subject, text;
  std::string file, importance, sensitivity, priority, defer, latest, expires, reply_by, reply_to, content, content_type = "22";
  std::string content_identifier, alternate, auto_submitted;
  std::optional<int> precedence;
  bool report = false, no_report = false, receipt = false, non_receipt = false, return_message = false, reply_requested = false;
};

/// Except --defer, which means something else where a message is submitted.
void add_draft_options(CLI::App& verb, DraftOptions& options);
/// What there is for one that is changed only.
void add_change_options(CLI::App& verb, DraftOptions& options);
/// Fields of the body of POST /messages (docs/x400-mailbox.md): of what was said only. Errors of files.
[[nodiscard]] Result<boost::json::object> draft_body(const DraftOptions& options, std::istream& in);

}  // namespace postern::cli
