import { parseBanned, type BannedWord } from "./banned.ts";

/**
 * A start, to be edited: words that article 9 (3) of China's Advertising Law and the shops' rules built on
 * it do not allow, with what is harmless although it holds them. A reader with evidence for a claim takes
 * the word out. No legal advice.
 */
const CHINESE = `
最好 → 很好 | 最好先, 最好在, 最好不, 最好是, 最好能, 最好将, 最好把, 最好避免, 最好别, 最好每, 最好分, 最好及时, 最好尽快, 最好于, 最好放, 最好请
最佳 → 出色 | 最佳食用, 最佳赏味, 最佳饮用, 最佳使用期, 最佳使用温度
最优 → 更优
最优惠 → 优惠
最优质 → 优质
最大 → 较大 | 最大承重, 最大载重, 最大功率, 最大容量, 最大直径, 最大尺寸, 最大宽度, 最大长度, 最大高度, 最大厚度, 最大值, 最大化, 最大限度, 最大输出, 最大输入, 最大电流, 最大电压, 最大转速, 最大风量, 最大音量
最小 → 小巧 | 最小起订, 最小值, 最小直径, 最小尺寸, 最小宽度, 最小内径, 最小化, 最小弯曲, 最小包装
最高 → 较高 | 最高温度, 最高气温, 最高转速, 最高水位, 最高耐温, 最高限速, 最高点, 最高分辨率
最低 → 较低 | 最低温度, 最低气温, 最低水位, 最低起订, 最低点, 最低消费
最低价 → 实惠价
最便宜 → 实惠
最新 → 新款 | 最新版本, 最新批次, 最新日期, 最新生产日期
最先进 → 先进
最强 → 强劲
最美 → 好看
最薄 → 轻薄 | 最薄处
最轻 → 轻便
最快 → 快速 | 最快次日, 最快当天
最全 → 齐全
最舒适 → 舒适
最安全 → 安全
最时尚 → 时尚
最流行 → 流行
最受欢迎 → 受欢迎
最具 → 颇具
最高级 → 高级
最顶级 → 高端
第一 → 受欢迎 | 第一步, 第一次, 第一章, 第一节, 第一页, 第一行, 第一列, 第一排, 第一张, 第一个, 第一天, 第一周, 第一年, 第一季, 第一时间, 第一项, 第一条, 第一层, 第一眼, 第一代, 第一部分, 第一遍, 第一种, 第一类, 第一印象, 第一人称, 第一点, 第一格, 第一件, 第一杯, 第一口, 第一道, 第一期, 第一批, 第一手
NO.1 → 受欢迎
TOP1 → 受欢迎
国家级 → 高标准
世界级 → 高水准
全球级 → 高水准
宇宙级 → 高水准
顶级 → 高端 | 顶级域名
顶尖 → 优秀
尖端 → 先进
极品 → 精品
极致 → 精致
极佳 → 出色
绝佳 → 出色
绝对 → | 绝对值, 绝对湿度, 绝对压力, 绝对温度
唯一 → 少有 | 唯一编码, 唯一标识, 唯一码, 唯一编号
独一无二 → 别具一格
绝无仅有 → 少见
史无前例 → 少见
前所未有 → 少见
空前绝后 → 少见
首选 → 优选
首家 → 一家
独家 → 特有
王牌 → 主打
至尊 → 尊享
终极 → 进阶
巅峰 → 出色
万能 → 多用 | 万能胶, 万能表, 万能插座, 万能扳手
永久 → 持久 | 永久居留, 永久地址
永不 → 不易
百分百 →
百分之百 →
100% → | 100%棉, 100%纯棉, 100%羊毛, 100%羊绒, 100%桑蚕丝, 100%聚酯, 100%涤纶, 100%亚麻, 100%锦纶, 100%果汁, 100% cotton, 100% wool, 100% silk, 100% linen, 100% polyester, 100% juice
全网最低 → 优惠
史上最低 → 优惠
世界领先 → 先进
国际领先 → 先进
全球领先 → 先进
行业领先 → 先进
遥遥领先 → 领先一步
领导品牌 → 知名品牌
领袖品牌 → 知名品牌
销量冠军 → 热销
填补国内空白 →
纯天然 → 含天然成分
零风险 → 更安心
无副作用 →
根治 → 改善
立竿见影 → 逐步见效
包治百病 →
特供 →
驰名商标 →
国家免检 →
`;

const ENGLISH = `
best → great | best before, best by, best used, best if used, best enjoyed, best served, best stored, best results, best regards, at best
best-selling → popular
best-seller → favorite
number one → popular
No. 1 → popular | item no. 1, step no. 1, figure no. 1
#1 → popular
world's best → excellent
world's first → new
world's leading → established
world-class → high-quality
top-rated → well rated
cheapest → affordable
lowest price → fair price
finest → fine
greatest → great
most advanced → advanced
most popular → popular
most effective → effective
most powerful → powerful
unbeatable → good
unrivaled → excellent
unrivalled → excellent
unmatched → excellent
unparalleled → excellent
second to none → excellent
one of a kind → distinctive
the only → a
once in a lifetime → special
guaranteed → reliable
risk-free → worry-free
foolproof → easy
miracle → helpful
never fails → reliable
never fades → resists fading
permanent → lasting | permanent address, permanent magnet, permanent marker
flawless → neat
ultimate → advanced
100% safe →
100% effective →
100% guaranteed →
no side effects →
`;

/** One list for both languages: copy mixes them. */
export const DEFAULT_BANNED: readonly BannedWord[] = [...parseBanned(CHINESE), ...parseBanned(ENGLISH)];
