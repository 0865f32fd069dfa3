/**
 * What can be taken out of a text without taking anything from it, in the order in which it goes: greetings
 * and thanks, polite wrapping, filler, words that only say 'very'. No phrase holds a digit, a unit or a
 * name; those that hold a negation hold it as a set phrase (能不能, if you don't mind).
 */

/** Whole sentences that only greet, thank or excuse. Matched without their final punctuation. */
export const COURTESY: readonly RegExp[] = [
  /^(?:嗨|哈喽|hello|hi|(?:(?:你|您|大家|各位)(?:们)?好(?:啊|呀)?)+|早上好|上午好|中午好|下午好|晚上好|在吗|在不在|有人吗)$/i,
  /^(?:真的|实在|非常|十分|特别|太|万分)*(?:谢谢|感谢|多谢|感激|谢谢啦|谢啦|谢了)(?:你|您|大家|各位|老师|啦|了|啊|呀)*(?:的)?(?:帮助|帮忙|支持|配合|理解|耐心|解答|回复|时间|不尽)*(?:了|啦)?$/,
  /^(?:真的|实在)?(?:麻烦|辛苦|拜托|打扰|劳烦|有劳)(?:你|您|大家|各位)?(?:了|啦)(?:啊|哦)?$/,
  /^(?:真的|实在)?(?:不好意思|抱歉|对不起)(?:啊|哈)?(?:(?:打扰|麻烦|劳烦)(?:你|您|大家)?(?:一下)?(?:了|啦)?)?(?:啊|哈)?$/,
  /^(?:祝|祝您|祝你)(?:您|你)?(?:生活愉快|工作顺利|一切顺利|身体健康|周末愉快)$/,
  /^(?:期待|等待|静候)(?:您|你)?的(?:回复|答复|佳音)$/,
  /^(?:hi|hello|hey|dear all|good (?:morning|afternoon|evening|day))(?: there| all| everyone| team| folks)?$/i,
  /^(?:many |thank you|thanks|thx|cheers)+(?:,? ?(?:so|very|much|a lot|a million|ever|again|again and again|in advance|indeed))*(?:,? ?for (?:all )?(?:your|the) (?:help|time|patience|support|understanding|attention|quick reply|kind help)(?: and (?:help|time|patience|support|understanding|attention))?)?(?: in advance)?$/i,
  /^i (?:really |sincerely )?hope (?:that )?(?:you(?:'re| are) (?:doing )?well|this (?:message|email|note) finds you well|you are having a (?:good|great|nice) day)$/i,
  /^(?:i(?:'m| am) )?(?:so |very |really )?sorry (?:to (?:bother|disturb|trouble) you|for (?:the trouble|bothering you|the inconvenience|the long message))(?: again| with this)?$/i,
  /^(?:any|your) help (?:with this |on this )?(?:would be|is|will be) (?:(?:very|much|really|greatly|highly|so) )*appreciated$/i,
  /^(?:i(?:'m| am) )?looking forward to (?:your (?:reply|answer|response)|hearing from you)$/i,
  /^i (?:really |truly |greatly |would really )?appreciate (?:it|your help|your time|all your help)(?: a lot| very much)?$/i,
  /^have a (?:nice|good|great) (?:day|weekend|evening)$/i,
];

/** At the beginning of a clause. */
export const OPENINGS: readonly RegExp[] = [
  /(?:请问一下|请问|我想请问一下|我想请问|(?:我)?(?:想要?|要)(?:请教|咨询|问)(?:你|您)?(?:一下|下)?(?=[，,：:])|劳驾|打扰一下|打扰了|不好意思(?:打扰(?:一下|了)?)?(?:啊|哈)?|抱歉打扰|您好|你好|大家好|亲(?=[，,])|(?:拜托|麻烦|辛苦)(?:你|您)?了(?=[，,]))/,
  /(?:如果)?(?:方便|可以|有空|有时间|不麻烦)的话/,
  /(?:能不能|可不可以|可以|能否|能)(?:请|麻烦|拜托)?(?:你|您)?(?:再|也)?(?:帮我|帮忙|给我帮个忙)/,
  /(?:能不能|可不可以|可以|能否|能)(?:请|麻烦|拜托)(?:你|您)/,
  /(?:麻烦|拜托|劳烦|辛苦|有劳)(?:你|您|大家)?(?:再|也)?(?:帮我|帮忙|帮一下忙|给我)?(?![了啦的是点在就])/,
  /请(?:你|您)(?:再)?(?:帮我|帮忙)?|请(?:帮我|帮忙)|帮我|帮忙(?=[看写查算找列读译改])/,
  /(?:hi|hello|hey)(?: there)?(?=,)/i,
  /(?:sorry to (?:bother|trouble) you(?: again)?|i(?:'m| am) sorry)(?=,)/i,
  /(?:could|can|would|will) you (?:(?:please|kindly|possibly|also|maybe) )*(?:(?:mind(?= \w+ing)|be so kind (?:as )?to|be able to|help me(?: out)?(?: and| to| by)?|do me a favou?r and) ?)?/i,
  /(?:would|could|might) it be possible (?:for you )?to /i,
  /i was (?:just )?(?:wondering|hoping) (?:if|whether|that) (?:you (?:could|can|would|might)|it (?:would|is) (?:be )?possible to) (?:please )?(?:help me (?:to )?)?/i,
  /i(?:'d| would) (?:(?:really|very much|greatly|truly) )*(?:appreciate it|be (?:very |so |really )?grateful) if you (?:could|would|can) (?:please )?/i,
  /i(?:'d| would) (?:(?:really|very much|just) )*(?:like|love) (?:for you to|you to|to (?:ask you to|kindly ask you to|ask if you could)) /i,
  /i just (?:want(?:ed)?|need(?:ed)?) (?:you to|to ask you to) /i,
  /if (?:it(?:'s| is)|that(?:'s| is)) (?:not too much (?:trouble|to ask)|at all possible|possible|ok(?:ay)? with you|all right with you|not a problem)(?=,)/i,
  /(?:if you (?:don't|do not) mind|if you have (?:a moment|time|a minute)|when(?:ever)? you (?:have|get) a (?:moment|chance|minute|second))(?=,)/i,
];

/** Anywhere, as words of their own. */
export const POLITE: readonly RegExp[] = [
  /\b(?:please kindly|kindly please|please|pls|plz|kindly)(?=[\s,])/i,
  /,? ?\b(?:if you (?:don't|do not) mind|if (?:that's|that is|it's|it is) (?:ok(?:ay)?|possible)|when you (?:have|get) a (?:moment|chance|minute)|if you could|if possible)(?=[.!?]|$)/i,
  /,? ?\b(?:many )?thank(?:s| you)(?: (?:so|very) much| a lot| in advance| again)*(?=[.!?]|$)/i,
  /[，,] ?(?:好吗|好不好|好嘛|可以吗|行吗|行不行|可不可以|拜托了|谢谢(?:你|您|了|啦|大家)?|多谢(?:了)?|感谢(?:您|你)?|辛苦(?:你|您)?(?:了|啦)|麻烦(?:你|您)?(?:了|啦))(?=[。！!？?～~\s]|$)/,
];

const ZH_CLAUSE_START = "(?<=^|[，,。！!？?；;：:…\\n]\\s*)";

/** Filler: anywhere, as words of their own. */
export const FILLER: readonly RegExp[] = [
  /\b(?:um+|uh+|er+m|hmm+|you know|i mean|to be honest|to tell (?:you )?the truth|honestly|frankly(?: speaking)?|basically|actually|literally|obviously|as a matter of fact|needless to say|at the end of the day|long story short|by the way|as (?:you can (?:clearly )?see|everyone knows|we all know|i (?:said|mentioned)(?: before| earlier| above)?|mentioned (?:before|earlier|above))|it goes without saying that|it (?:is|'s) (?:also )?(?:worth (?:noting|mentioning)|important to note) that|it should (?:also )?be (?:noted|mentioned) that|the thing is(?: that)?|if that makes (?:any )?sense|for all intents and purposes|so to speak|in actual fact)\b/i,
  /\bin order(?= to\b)/i,
  /(?<!\b(?:what|which|this|that|any|some|a|the|each|every|another|one|same|other|new|first|second) )\b(?:kind|sort) of(?= (?!product|thing|item|model|material|fabric|picture|image|file|a\b|an\b|the\b))/i,
  /(?<=^|[.!?\n] ?)(?:well|so|ok(?:ay)?(?: so)?|anyway|right|now)(?=, )/i,
  /(?:呃|嗯|额)+(?:[…]+|\.{3,})/,
  new RegExp(
    `${ZH_CLAUSE_START}(?:说实话|老实说|老实讲|坦白说|坦白讲|说真的|讲真(?:的)?|不瞒你说|怎么说呢|你懂的|你也知道|你知道的|众所周知|大家都知道|总而言之|总的来说|值得一提的是|需要说明的是|需要指出的是|毋庸置疑|毫无疑问|不得不说|可以说是|事实上|实际上|其实|话说回来|话说|换句话说|简单来说|简而言之|也就是说|怎么讲|反正就是|就是说|应该说|客观来说)(?![涨市调传报])`,
  ),
  new RegExp(`${ZH_CLAUSE_START}(?:呃+|嗯+|额+|唔+|那个|然后呢|对了|当然了?|好的|哎呀?|诶)(?=[，,…])`),
  /(?<=[\u4e00-\u9fff])(?:啦|呀|哦|噢|嘛|哈|喔|哟)(?=[，,。！!？?～~\s]|$)/,
  /[～~]+/,
  /(?<=如果[^，。！？\n]{1,30}|要是[^，。！？\n]{1,30}|假如[^，。！？\n]{1,30})的话(?=[，,])/,
  /(?<=[看说问讲写列查算改比找读试译抄念想]|介绍|总结|分析|描述|解释|说明|整理|对比|检查|确认|统计|翻译|识别|提取|计算)一下(?!子|[午午])/,
];

/** Adjectives of two and more characters: what stands before one is an adverb. */
const ZH_LONG =
  "好看|好吃|好用|漂亮|喜欢|满意|重要|详细|仔细|认真|清楚|清晰|希望|需要|舒服|舒适|方便|实用|简单|复杂|适合|受欢迎|精美|精致|优质|优秀|专业|丰富|完美|独特|出色|柔软|耐用|轻便|便宜|划算|着急|期待|开心|高兴|明显|严重|有用|有意思|有趣|用心|可爱|温馨|时尚|高级|高端|大气|细腻|厚实|结实|稳定|顺滑|浓郁|鲜艳|安全|可靠|全面|完整|准确|合理|流畅|自然|关键|必要|紧急|容易|值得|担心|感谢|感兴趣";
const ZH_SHORT = "好|棒|赞|美|新|大|小|高|低|快|慢|难|急|贵|重|轻|满|想";

/** Words that only add weight. Never beside a digit, and never after a negation: 'not really' is not 'not'. */
export const MODIFIERS: readonly RegExp[] = [
  /\b(?:very|really|truly|extremely|incredibly|absolutely|totally|amazingly|insanely|terribly|awfully|genuinely|simply|definitely|certainly|undoubtedly|quite|so very|ever so)(?= [a-z])/,
  new RegExp(
    `(?:(?:非常|真的|实在|特别|超级)+(?:是|很)?|(?<![一二两三四五六七八九十百])十分|极其|极为|无比|格外|相当|简直|颇为)(?:的|地)?(?=${ZH_LONG}|${ZH_SHORT})`,
  ),
  new RegExp(`(?:很|挺|蛮|超)(?=${ZH_LONG})`),
];

/** Directly before a modifier: it is part of what is denied. */
export const NEGATION_BEFORE =
  /(?:[不没未别莫勿非无]|不是|没有|并非|并不|不算|不能|不要)(?:那么|这么|是)?\s*$|(?:\b(?:not|no|never|without|hardly|nor|neither|cannot)|n't)\s+(?:(?:a|an|the|so|that|all|even|be|been|look|looks|seem)\s+)?$/i;
