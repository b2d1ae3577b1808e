#include "dns/questions.hpp"

#include <algorithm>

#include "dns/name.hpp"

namespace postern::dns {

Result<Answer> QuestionTable::query(std::string_view name, RecordType type) {
  POSTERN_TRY(std::string key, normalize_name(name));
  if (const auto found = m_answers.find({key, type}); found != m_answers.end()) return found->second;
  Question open{std::move(key), type};
  Answer unknown{AnswerStatus::ServFail, false, {}, open.name};
  if (std::ranges::find(m_open, open) == m_open.end()) m_open.push_back(std::move(open));
  return unknown;
}

void QuestionTable::add(const std::string& name, RecordType type, Answer answer) {
  m_answers.insert_or_assign({name, type}, std::move(answer));
}

}  // namespace postern::dns
