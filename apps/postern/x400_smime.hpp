// S/MIME of the verbs that talk to an MTA or a store themselves: --sign and --encrypt of submit, what message opens and judges.
#pragma once

#include <optional>

#include "mts/p3.hpp"
#include "transport/sealing.hpp"
#include "x400_peer.hpp"

namespace postern::cli {

/// A folder as security.smime.certificates_dir has it, and the authorities that signers must lead to.
struct SmimeOptions {
  std::string certificates = "profiles/certs", profile = "gcm";
  std::vector<std::string> trust;
  bool sign = false, encrypt = false;
};
void add_sealing_options(CLI::App& verb, SmimeOptions& options);
void add_opening_options(CLI::App& verb, SmimeOptions& options);

/// Errors name the option.
[[nodiscard]] Result<std::shared_ptr<const transport::SmimeMaterial>> material_of(const SmimeOptions& options);

/// Signs and encrypts as wished, each an error when it cannot be done; nothing: it is an S/MIME object already.
[[nodiscard]] Result<std::optional<contentseal::SealedContent>> seal_octets(const mts::ContentType& type, ByteView content,
                                                                            std::span<const oraddress::ORAddress> recipients,
                                                                            const SmimeOptions& options);
/// Signs and encrypts as wished, each an error when it cannot be done.
[[nodiscard]] Status seal_submission(mts::MessageSubmissionArgument& message, const SmimeOptions& options);

/// A content that may be an S/MIME object.
struct ReadContent {
  std::optional<Bytes> content;  ///< To be shown; nothing: it is sealed, and did not open.
  std::string verdict;           ///< JSON, of transport::verdict_json(); empty: no S/MIME object.
};
[[nodiscard]] Result<ReadContent> open_received(Bytes content, const std::optional<mts::ORName>& originator, const SmimeOptions& options);

}  // namespace postern::cli
