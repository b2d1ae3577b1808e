// A submission in the product's values as the arguments of the submission port (X.411 8.2.1.1, 8.2.1.2), P3 and P7 alike.
#pragma once

#include "mts/p3.hpp"
#include "sdk/values.hpp"

namespace postern::transport {

/// Errors name the field of postern_x400_submission: BadInput (an address, a type, a date), TooLarge, Unsupported (a strategy that is not
/// the MTS's). Nothing that was asked for is left out. Strategies: immediate, with trace (every MTA writes it) and pass-through are a
/// submission as it stands, deferred needs its time; the stored copy and the quarantine are the product's own and are done before.
[[nodiscard]] Result<mts::MessageSubmissionArgument> message_of(const sdk::Submission& submission, ByteView content);
/// `submission.content_size` is the length that the content would have.
[[nodiscard]] Result<mts::ProbeSubmissionArgument> probe_of(const sdk::Submission& submission);

/// "[C=DE;A=ADMD;P=PRMD;local]", as the C header has it.
[[nodiscard]] std::string text_of(const mts::MTSIdentifier& identifier);
/// The inverse. BadInput with `field`.
[[nodiscard]] Result<mts::MTSIdentifier> mts_identifier_of(const std::string& text, const std::string& field);
[[nodiscard]] sdk::Submitted submitted_of(const mts::MTSIdentifier& identifier, const mts::Time& time,
                                          const std::optional<mts::ContentIdentifier>& content_identifier);
/// An O/R address in text; BadInput with `field`.
[[nodiscard]] Result<mts::ORName> or_name_of(const std::string& text, const std::string& field);

}  // namespace postern::transport
