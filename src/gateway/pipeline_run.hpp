// One message on its way through the pipeline, for pipeline*.cpp only.
//
// pipeline_run.cpp: who writes, who gets it, what is decided for whom. pipeline_copy.cpp: the copy each group of recipients gets, in the
// order that pipeline.hpp fixes. pipeline_record.cpp: what is remembered of it.
#pragma once

#include <set>

#include "base/text.hpp"
#include "gateway/judge.hpp"
#include "gateway/late_signature.hpp"
#include "gateway/stages.hpp"

namespace postern::gateway {

/// Used once: for one of go(), explain() and signature(). What it was made of must outlive it.
class Pipeline::Run {
 public:
  Run(const Pipeline& pipeline, const Arrival& arrival, MessageView view)
      : m_pipeline(pipeline), m_parts(pipeline.m_parts), m_arrival(arrival), m_view(std::move(view)) {}

  // How it is to go, set before.
  bool split = false;       ///< Every recipient can be answered for himself.
  bool released = false;    ///< Accepted long ago: nobody waits for a reply.
  MessageId released_from;  ///< Under which id that was.
  Override override_policy = Override::None;
  SignerQuestions* questions = nullptr;  ///< As open_for().

  /// As Pipeline::process(). `received`: complete fields to put in front; empty for what already has them. `missing`: as missing_fields().
  /// With `questions` to ask it is empty, and nothing of it counts.
  [[nodiscard]] Result<Submission> go(std::string received, std::string_view missing);
  /// As Pipeline::explain(), of the first recipient.
  [[nodiscard]] policy::Decision explain();
  /// As Pipeline::signature_of().
  [[nodiscard]] Result<std::string> signature();
  // After go().
  [[nodiscard]] std::vector<smtp::Reply> take_replies() { return std::move(m_replies); }
  [[nodiscard]] std::vector<LateCopy> take_late() { return std::move(m_late); }

 private:
  /// The message to work on: without fields that only we may write, with those a submission lacks.
  [[nodiscard]] std::string_view without_forged_trace(std::string_view missing);
  /// Fields that only this host writes. RFC 8601 5: what claims to be ours and was there before is a lie.
  [[nodiscard]] bool is_forged(const HeaderField& field) const;
  void find_author();
  /// Whom the rules see where there is no sender: an author of ours if there is one, or MAIL FROM:<> would avoid every rule about him.
  [[nodiscard]] std::string policy_author(const std::vector<Mailbox>& authors) const;
  void make_cases();
  /// Of the sender whose word the road vouches for.
  [[nodiscard]] std::string_view sender_domain() const;
  void open(Case& c);
  /// Of the copy this recipient gets, before we seal it.
  [[nodiscard]] Protection protection_of(const Case& c) const;
  void decide(Case& c);
  [[nodiscard]] Result<Submission> queue();
  /// One message must not fill the memory because each of many recipients gets a copy of his own.
  [[nodiscard]] Status check_copies(std::size_t copies, std::uint64_t octets) const;
  /// Refusals that can still be said in SMTP are said; the others become bounces.
  void answer_refused();

  [[nodiscard]] Result<Variant> make_variant(const std::vector<const Case*>& cases);
  [[nodiscard]] Status finish_copy(Variant& variant, std::string_view source, const std::vector<const Case*>& cases);
  /// Of a copy that nobody here looks at before it is sent over the network.
  [[nodiscard]] bool may_sign_late(const std::vector<const Case*>& cases) const;
  void sign_late(Variant& variant, const LateSignature& late, DkimSigning dkim, std::string_view source);
  /// RFC 8617 5.1: over the copy as it leaves. What was not judged here has nothing to tell, and what could not be asked is not known.
  [[nodiscard]] Status seal_chain(std::string& copy);
  /// RFC 5322 2.1.1, RFC 5321 4.5.3.1.6: what we took with a longer line we may not send on. So it is encoded anew while that breaks
  /// nobody's signature, or refused now, while its sender still listens. Nothing: the copy can go as it is.
  [[nodiscard]] Result<std::optional<std::string>> with_short_lines(std::string_view copy, const std::vector<const Case*>& cases,
                                                                    bool plain) const;
  [[nodiscard]] Result<std::string> encoded_anew(std::string_view copy) const;
  [[nodiscard]] Result<std::string> trace_of(const Case& c) const;
  /// Whose domain the gateway takes responsibility for.
  [[nodiscard]] std::vector<DkimKeyRef> dkim_keys() const;
  /// Last of all changes: the signatures that say so (RFC 6376 5).
  [[nodiscard]] Result<DkimSigning> begin_dkim(const std::vector<DkimKeyRef>& keys, std::string_view message, bool as_arrived);
  void add_recipient(Variant& variant, const Case& c);

  [[nodiscard]] std::string facts() const;
  void add_audit(Submission& out) const;
  void add_decision(Submission& out, const Case& c) const;

  const Pipeline& m_pipeline;
  const PipelineParts& m_parts;
  const Arrival& m_arrival;
  MessageView m_view;
  std::string m_received;
  std::string m_edited;
  std::string_view m_base;  ///< The message without the trace fields of this hop.
  Detection m_detection;
  Author m_author;
  std::vector<Case> m_cases;
  std::string m_policy_sender;
  std::optional<Verified> m_verified;
  std::set<std::string> m_selectors;
  std::vector<smtp::Reply> m_replies;
  std::vector<LateCopy> m_late;
};

/// Every mailbox of every From field that can be read.
[[nodiscard]] std::vector<Mailbox> readable_authors(const MessageView& view);

}  // namespace postern::gateway
