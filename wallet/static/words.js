// SPDX-License-Identifier: EUPL-1.2
// The words of which six open a wallet: 1989 common Catalan words, chosen for this project, written without accents.
// Six of them, drawn evenly, have 65.7 bits (6 × log2 1989); a test keeps that above 64.

export const WORDS = Object.freeze(`
abella abet abric abril accent acer acord acte actor adeu adob adult aeri aixeta ajuda ala alba album alegre
alfabet alforja alga algebra alguer aliat alicates aliment allau alt altar altaveu altell alzina ambre amfora
amic amiga amistat ample ampolla anar ancora anec anell anet angle angula anima animal anis ansa antena antic
antull any apunt arada aranya arbitre arbre arc arca ardit arena argent argila arma armari arnes arpa arrel
arribar arros art article artista arxiu asfalt aspecte astre atlas atleta atom atzar aula aurora auto autor
avall avantatge avet avi avia aviat avinguda avui axioma azalea bacalla bacteri badia bagul bahia baixador
balada balanca balcar balco balda balena ball balla ballar ballet balma balo balsam banc banda bandeja bandera
bany banyador baralla barana barba barca bardissa baret barra barraca barrejar barret barri barril baso bassa
bastida basto bata batalla batec bateria batut baula bavero bec beca beix bell bena benvingut berenar bes
bessona bestiar beure bicicleta bidell bigoti bilingue billar bisbe biscuit bitllet bitxo blanc blat blau
bleda bloc boca bocoi boda bogeria boira bola bolet bolquer bomba bombeta bombo bondat bonic bonsai boquera
bord bordo borinot borrall borsa bosc bossa bota botiga boto boxa brac branca brasa brau bresca bressol breu
brida brillant brindis brisa broc broda brogit bronze brossa brot brou bruc bruixa brull brusa brut buc
bufanda bufar bufet bugada bugia buit bulb burleta burro bus busca butaca butlla butxaca cabal cabana cabas
cabell cabirol cabra cacau cactus cadell cadena cadira caduc cafe caixa cala calaix calamar calc caldera
calendari calma calor calze cama camell cami camio camisa camp campana campio canal canari candela canell
canelobre canya canyella capa capella capital capsa caputxa cara caracola caramel carbassa carbo card cardina
cargol carpa carpeta carrer carret carro carta cartera cartro carxofa casa casc cascada caseta cassola castell
castor cataleg catifa cau causa cavall caverna ceba cedre cel celler cendra cent centre cera cercle cereal
cervell cervol cesta cigar cigne cigonya cim cinc cine cinta circ cirera cirurgia cistell ciutat civada clar
clara clarinet clau clavell clima clip cloc closca club cobert coberta cobra coca coco cocodril codi codony
cofre coixi col cola colador colibri colom color columna colze coma comarca combat comboi comete comic
comodina comte concert conill consell conte contes copa copia cor coral corall coratge corb corbata corda
corder cornamusa corona corral correu cors cort corva cosa cosi costa costum cota coto cotxe cova covard cranc
crater creba crema cresta creu cria crida crin crisi crit croma crosta cru cub cubell cuc cuina cuir cuit
culler cullera cultiu cursa curt cusir cutis dacsa dada daga dalia dalt dama damunt dansa dard darrere data
datil dau daurar deca decret defensa deixar dejuni delta demanar dematins demora dens dent denuncia derrota
desert desig despert dessota deu deute devora dia diable diamant diana diari dibuix dic dictat dida dieta
dijous dilluns dimarts dinar diner dinou dins diputat dir dit ditada diu divan divendres dobla dobler doctor
dofi dolc dolor domini donar dorment dors dosi dotze drac drap drassana dret dreta dropo duc duna dur durada
dutxa ebenista eco edat edifici efecte eina eix eixam eixida elefant elegant element elits elm ema embut
emissora empenta empresa encara encens encert enciam enclusa endoll enemic energia engany enlla ensenya
entrada entrepa enveja enviar epica epoca equador equip erable eriger eriso ermita error eruga escac escala
escama escarola escata escena esclop escola escombra escriba escuma escut esfera esfinx esforc esmalt espai
espardenya espasa espatlla especie espiga espina esport esposa esprint espuma esquela esquirol est estable
estadi estany estatua estel estella estiu estoig estrella estret estufa etapa etern etiqueta euga euro exacte
examen excusa exemple exit expert extra fabrica faca facil fada faig faisa faixa falc falca falda falla fals
fama familia fanal fang fangar far farcit farga farina farmacia faro farola farsa fasol fat favor febrer fel
felic femer fenc fer ferida ferro fesol festa feta fetge feu fibra ficar fidel fideu figa figuera figura fil
fila filat fill filla film filo filtre final finca finestra fira firma fisica fita fitxa flaire flam flama
flanc flassada flauta fleca fletxa flexo floc flor flora flota fluix fluvi foc foca fogo fonda fondo font for
foraster forca forja forma formatge formiga forn forner fort fortuna forum fosc fosca fotja foto fracas franc
franja frare frase fre fred fregar freixe frescor front frontera fruita fuga full fulla fum funcio funda fusa
fusell fusta futbol futur gabia gaire gairebe gaita gal gala galant galera galet gall galleda galta gamba
gamma gana ganivet garatge garba garrafa garrofa garsa gas gasa gat gavina gebre gegant gel gelat gelosia gema
gemec geni genoll gent geranci germa germen gesp gessami gest gibrell gimnas ginesta ginjol gira girafa
girasol gla glac glacera globus gloria gola golf golfes goma gorra gos got gota gotic govern grada gram gran
grana granat graner granja grapa gras grava gravat grec greix grill gripau gris groc gros grua gruix grup gual
guant guarda guardia guerra guia guineu guio guitarra guix gust habit ham hamaca hanser harmonia heli herba
herbari hereu heroi heura hivern home honest honor hora horari hort hortalissa hostal hotel humil humit humor
iceberg icona idea ideal ideari idioma iglu ignorar illa imant imatge imperi impost impuls indi indret infant
infern inici insecte institut intens intent interes invent ioga iogurt ira iris isard istme iuca ivori
jaciment jaqueta jardi jardiner jazz joc joguina joia joier jonc jorn jornada jou jove joveneta judo jugador
juliol julivert jungla junta juny jupa jurat just justa jutge karate kiwi koala laberint lacat lamina lampada
laser lavabo lector lema lent lilas lineal linia liquid lira lirica litre llac llagosta llagrima llama llamp
llana llanca llanda llanxa llard llarg llauna llaurar llavi llavor llebre llegenda llegir llegua llei llengua
llenya lleo lleopard llesca llet lletra lletuga lleu lleva llevant llibre llibreta llico lliga llim lliri
lliura lliure lloc lloguer llom llop lloro llosa llotja lloure lluc lluerna llum lluna lluny llustre local
logica loto lupa luxe maca macarro macedonia maco maduixa madur mag magatzem magnet magrana maia maig mainada
mala maleta malla malva mama mamut manar mandarina mandat mandra manec manera mango mania maniqui mano manta
mantega mapa maquina mar maragda marbre marc marca marduix marea margarida marge mariner marit marro mart
martell marxa mas mascara massa massis mastil mate mati maxim meca mel melmelada melo melodia membre mena
menjador menor menta menut mercat mercuri merla mes mescla mesura meta metall metge metre metro metxa meu
micro mida mig migdia mil miliar milio milla mim mina miner minut mirada mirall mirar mirtil missatge misteri
mite mitja mitjo mobil moca mocador moda model modul mola molar molas moli moll molla molsa moment mon moneda
moneder monja mono montar monument mora moralet morat mosca mosquit mostassa mostra mota moto motor motxilla
moure muda mula muleta mullat multa mur murri murtra musa musclo muscul museu music musica mut nabius nacra
nadal nadar naixer nan nap nas nata natura nau naufrag naus neboda nebot negoci negre nen nena nervi net neta
neu nevera niar nicol nimfa ninot niu nivell noble node noi noia nom nomada nora nord norma nostre nota
noticia nou novella nucli nuesa numero nus nuvi nuvol oasi obac obert obra obrer observa obstacle oca occident
ocell ocre octubre ocult oda ofici ofrena oli oliba oliva olivera oll olla olor ombra omega omnibus ona oncle
onda onze opac opera optim ordi ordre orella oreneta orfe organ orgull orient ornament orquestra orquidia
ortiga ossada ovella oxid oxigen ozo pacient pacte padri paella pagar pages pagina pais paisatge pal pala
palanca palau palet paleta palla palm palma palmell palmera palpar pam pampol pansa pantalla panxa pany paper
paquet par paradis paraigua paraula parc pare parella paret parra partit pas passa passeig pasta pastanaga
pastel pastor pat pata patata pati patro pau pausa pavello pebre pebrot peca pedal pedra pega peix peixera pel
pell pellofa pelut pena penell penja pensar pepita pera perdiu perfil perfum peril perla pernil pes pesca
peses pessic peu piano pic pica picarol picor pigall pila pilot pilota pinsa pinta pintor pinya pinyol pinzell
piolet pipa piragua pirata piscina pista pit piuli pla placa plaga planeta planta plat plata platan platja ple
plom ploma plor ploure pluja plural poble pobre poc podador poema poeta pol polit polpa pols poma pomera
ponent pont pop popa porc port porta portada portal portic posta pot potada poter potro pou pout praderia prat
prec prefix premi premsa prendre present preso pressa prestatge preu prima primer princep privat proa proper
prova prudent pruna public pudor puma punt punta punxa puny pur pure puresa putxinel quadern quadra quadrat
qualitat quart quatre quatrena quefer quilo quimera quinze quiosc quota rabada racional raco radi radio rai
raig rail raim rajola ram rama ramat rambla rampa rampell rapid raqueta rar raro ras rascle raspall rat rata
ratlla ratoli raure rave ravioli rebec rebost rebre recepta recer record recta rector reforma refugi regal
regim regina regle regne reial reina reixa rem remei remenar remolc remor renda renta repos resina resistir
respir rest resta retall retaule retol retrat revista rial rialla ribera ric ridicul riera rifa rigid rima
rinxol rioja riota ritme riu rival roba robi robot roc roca roda rodona roger roig roina rol romani romans
rosa rosada rosari rosca rosega rosella roser rossa rossinyol rostir rota roure ruc ruda rugbi ruina rumb
rural rusc russa ruta rutina sabata sabatilla saber sable sabo sabor sac sacseig safareig safata safra saga
sagrada sal sala salat salm salmo salsa salt saltador salut salva salvia samarra sang sant sardana sardina
sargir sastre satelit sauna savi saxo sebre sec seca secret seda segell segle segon segur seient sella selva
semafor semblant senalla sencer senda seny senyal senyor sequia serp serra serrell set seta setmana setze seu
sever sibec sidra sifo sigla signe sil silenci silvestre simbol simi sina sindria singular sirena sis sistema
sitja soca soci sofa sogra sol sola soldat solfa sollar solo somera somni somriure sonda sonet sopa sopar
sorra sort sorteig sostre sot sota sou suau subtil suc sucar sucre sud suec suma sumand super supir suport sur
surera suret suro sutja tabac tabal taburet taca tacte tafona tal tala talaia talc talent tall taller talo
talp tamarell tambor tanc tanca tangent tango tap tapa tapete tapis tarda tardor tarja taronja tarragona
tartera tasca tassa tast tatuatge taula tauler taxi teatre tebi tecla tecnica teia teix teixit tela telefon
teler tema temor temperi templa temple temps tenda tendal tendre tenir tenis tenor tens tensa tentacle teoria
terme terra terral terrassa test testa teu teula text tia tibar tic tigre til tilla timba timbal timbre timo
tinta tinter tio tipus tir tira titella titol tiza toc tofona tofut toll tomaquet tomb tomba tona tonell tonic
tonyina topall topazi toquet tord torn torna torneig toro torra torre torrent torro tors tort tortuga tos
tossal tossut total totxo tou tovallo trac traca tracte trajecte tram trama trampa tramuntana tranquil trap
traste trau treball tren trena trenta tres tresor treva tribu tribuna trineu trio tripa trist tro trobada troc
trompa tron tronc tronera trossa trot truc truita truja tub tulipa tuna tunel turbina turc turista turment
turo tutor tutora txec ull ullal ullera ultim ungla unglot unic unio unit univers urani urbs urna urpa usar
usual util vaca vacuna vago vaixell vaixella val valent vall valor vals vampir vapor vara vari vas vasa vast
vebre vector veda vei veina vela veler vell vellut vena vendre venir vent ventall ventre ver verat verb verd
verdet veritat vermut vern vers vespa vespre vessant vestit veta veu via vianant viatge vibra vici victoria
vida vidre vidu viga vil vila villa vim vinagre vint vinya viola violeta violi virtut visio visita vista
vitrall viu viure vocal vol volant volca volta volum vora vorera vostre vot vuit vuitena vulgar xafogor xai
xal xalet xampu xanca xancleta xapa xarop xarxa xavi xebec xef xemeneia xerrac xic xicra xifra xilofon xindria
xiprer xiquet xiular xiulet xocolata xop xoric xot xufa xumet xurro xut zebra zel zenit zero zinc zodiac zona
zoo
`.trim().split(/\s+/));

export const COUNT = 6;

/** Return a number below `limit`, each as likely as the other. */
function draw(limit) {
  const range = 2 ** 32 - (2 ** 32 % limit);
  const box = new Uint32Array(1);
  do crypto.getRandomValues(box); while (box[0] >= range);
  return box[0] % limit;
}

/** Return six new words. */
export function newWords() {
  return Array.from({ length: COUNT }, () => WORDS[draw(WORDS.length)]);
}
